import { mount } from 'svelte'
import '$shared/style/base.css'
import { ignoreDoubleClicks } from '$shared/double'
import '$shared/style/dense.css'
import Operator from './Operator.svelte'

ignoreDoubleClicks(document)
mount(Operator, { target: document.getElementById('app') as HTMLElement })
