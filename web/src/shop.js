// The demo shop's own script: the consent dialogue, the basket, and the page
// that shows what is in force. It works through the snippet's public calls only.
const dialog = document.getElementById('choices')
const boxes = Array.from(dialog.querySelectorAll('input[type=checkbox]'))

const WORDS = {
  gpc: 'Global Privacy Control of your browser',
  dnt: 'Do Not Track of your browser',
  adpc: 'a withdrawal or objection by your browser (ADPC)',
  ledger: 'your recorded choice',
  cookie: 'your choice in this browser',
  request: 'your choice on this page',
  basis: 'legitimate interest, you have not objected',
  default: 'nobody: without your agreement it stays off',
  unreadable: 'your recorded choice could not be read',
  switch: 'switched off for you',
  restricted: 'restricted at your request',
  erased: 'erased at your request'
}

function say(text) { document.getElementById('said').textContent = text }

function signals(now) {
  const seen = []
  if (now.gpc) seen.push('Global Privacy Control')
  if (now.dnt) seen.push('Do Not Track')
  if (now.adpc) seen.push('a withdrawal or objection (ADPC)')
  if (!seen.length) return ''
  const stopped = Object.keys(now.purposes).filter(function (id) { return ['gpc', 'dnt', 'adpc'].includes(now.purposes[id].by) })
  return 'Your browser sends ' + seen.join(' and ') + '. ' +
    (stopped.length ? 'It refuses for you: ' + stopped.join(', ') + '.' : 'What you chose yourself while it was on holds.')
}

function notice(id, text) {
  const p = document.getElementById(id)
  if (!p) return
  p.textContent = text
  p.hidden = !text
}

function show(now) {
  if (!now) {
    say('The state cannot be read at the moment.')
    return
  }
  notice('choices-gpc', signals(now))
  notice('state-signals', signals(now))
  for (const box of boxes) {
    const purpose = now.purposes[box.name]
    if (!purpose) continue
    box.checked = 'asks' in box.dataset ? purpose.choice === true : purpose.choice === false
  }
  for (const row of document.querySelectorAll('[data-purpose]')) {
    const purpose = now.purposes[row.dataset.purpose]
    if (!purpose) continue
    row.dataset.state = purpose.allowed ? 'allow' : 'deny'
    row.querySelector('[data-allowed]').textContent = purpose.allowed ? 'yes' : 'no'
    row.querySelector('[data-by]').textContent = WORDS[purpose.by] || purpose.by
  }
  const visitor = document.getElementById('state-visitor')
  if (visitor) visitor.textContent = now.visitor ? 'yes, in a cookie that no script can read' : 'no'
  const version = document.getElementById('state-version')
  if (version) version.textContent = String(now.version)
  document.documentElement.dataset.consent = 'known'
}

let opener = null
function open(modal) {
  document.getElementById('choices-fault').textContent = ''
  if (dialog.open) dialog.close()
  if (modal) dialog.showModal()
  else dialog.show()
  document.getElementById('choices-title').focus({ preventScroll: true })
}

async function choose(which) {
  const choices = {}
  for (const box of boxes) {
    const asks = 'asks' in box.dataset
    if (which === 'none') choices[box.name] = false
    else if (which === 'all') choices[box.name] = true
    else choices[box.name] = asks ? box.checked : !box.checked
  }
  const now = await window.zgoda.consent(choices, { version: dialog.dataset.version, surface: 'dialogue' })
  if (!now) {
    document.getElementById('choices-fault').textContent = 'Your choice could not be saved. Nothing was changed; please try again.'
    return
  }
  show(now)
  dialog.close()
  say('Your choice is saved.')
}

document.addEventListener('click', function (event) {
  const button = event.target.closest('button')
  if (!button) return
  if ('openChoices' in button.dataset) {
    opener = button
    open(true)
  } else if (button.dataset.choose) {
    choose(button.dataset.choose)
  } else if ('add' in button.dataset) {
    const basket = document.getElementById('basket')
    basket.textContent = String(Number(basket.textContent) + 1)
    window.zgoda.track('Product Added', {
      sku: button.dataset.sku, price: Number(button.dataset.price), currency: 'EUR', category: button.dataset.category
    })
    say('Added to the basket.')
  }
})

dialog.addEventListener('close', function () {
  document.body.classList.remove('asking')
  const back = opener || document.getElementById('main')
  opener = null
  back.focus({ preventScroll: true })
})

window.zgoda.consent().then(function (now) {
  show(now)
  if (now && !now.chosen) {
    document.body.classList.add('asking')
    open(false)
  }
})
