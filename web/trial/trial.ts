import '../src/shared/style/base.css'
import { mount } from 'svelte'
import Trial from './Trial.svelte'

const target = document.getElementById('app')
if (target !== null) mount(Trial, { target })
