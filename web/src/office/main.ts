import { mount } from 'svelte'
import '$shared/style/base.css'
import { ignoreDoubleClicks } from '$shared/double'
import '$shared/style/dense.css'
import './office.css'
import Office from './Office.svelte'

ignoreDoubleClicks(document)
mount(Office, { target: document.getElementById('app') as HTMLElement })
