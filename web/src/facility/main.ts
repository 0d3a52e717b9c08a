import { mount } from 'svelte'
import '$shared/style/base.css'
import { ignoreDoubleClicks } from '$shared/double'
import './facility.css'
import Facility from './Facility.svelte'

ignoreDoubleClicks(document)
mount(Facility, { target: document.getElementById('app') as HTMLElement })
