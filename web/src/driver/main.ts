import { mount } from 'svelte'
import '$shared/style/base.css'
import { ignoreDoubleClicks } from '$shared/double'
import './driver.css'
import Driver from './Driver.svelte'

ignoreDoubleClicks(document)
mount(Driver, { target: document.getElementById('app') as HTMLElement })
