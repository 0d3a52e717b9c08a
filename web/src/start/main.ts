import { mount } from 'svelte'
import '$shared/style/base.css'
import Start from './Start.svelte'

mount(Start, { target: document.getElementById('app') as HTMLElement })
