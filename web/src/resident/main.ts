import { mount } from 'svelte'
import { fresh } from '$shared/fresh.svelte'
import '$shared/style/base.css'
import { ignoreDoubleClicks } from '$shared/double'
import './resident.css'
import Resident from './Resident.svelte'

ignoreDoubleClicks(document)
fresh.start('warga')
mount(Resident, { target: document.getElementById('app') as HTMLElement })
