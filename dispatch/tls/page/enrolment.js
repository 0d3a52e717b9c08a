// Asks whether this phone trusts us already, opens the steps of its kind, and changes the language.
'use strict'

const root = document.documentElement
root.classList.add('scripted')
const state = document.getElementById('state')
const again = document.getElementById('again')
const pages = document.getElementById('pages')

const agent = navigator.userAgent
const kind = /iPhone|iPad|iPod/.test(agent) ? 'iphone' : /Android/.test(agent) ? 'android' : 'computer'
document.getElementById(kind).open = true

document.getElementById('language').addEventListener('click', () => {
  root.lang = root.lang === 'id' ? 'en' : 'id'
})

// The answer cannot be read, and need not be: it only comes when the certificate is trusted.
async function ask() {
  state.dataset.state = 'asking'
  again.hidden = true
  const trusted = await fetch(`${state.dataset.https}/tls-check`, {
    mode: 'no-cors', cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(6000),
  }).then(() => true, () => false)
  state.dataset.state = trusted ? 'yes' : 'no'
  again.hidden = trusted
  if (!trusted) return
  // nothing is left to do: what comes next stands first
  pages.classList.add('ready')
  state.after(pages)
  document.getElementById('open').hidden = true
  document.getElementById(kind).open = false
}

again.addEventListener('click', () => void ask())
document.addEventListener('visibilitychange', () => {
  // coming back from the phone's settings
  if (!document.hidden && state.dataset.state !== 'yes') void ask()
})
void ask()
