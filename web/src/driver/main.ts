import { mount } from 'svelte'
import '$shared/style/base.css'
import { ignoreDoubleClicks } from '$shared/double'
import { fresh } from '$shared/fresh.svelte'
import './driver.css'
import Driver from './Driver.svelte'

ignoreDoubleClicks(document)
fresh.start('pengemudi')
mount(Driver, { target: document.getElementById('app') as HTMLElement })
