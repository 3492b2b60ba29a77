// The snippet. It stores nothing in the browser, sends no identifier before
// consent, and never throws into the page. What has been agreed to lives in
// cookies that no script can read; the gateway sets and reads them.
(function (w, d, n) {
  'use strict'

  var script = d.currentScript || d.querySelector('script[data-key]')
  var stub = w.zgoda || {}
  if (!script || stub.key) return
  var key = script.getAttribute('data-key') || ''
  var host = new URL(script.src, d.baseURI).origin
  var keep = ['utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content']
    .concat((script.getAttribute('data-query') || '').split(/[\s,]+/).filter(Boolean))

  // A beacon may carry 64 KiB in all; the gateway takes 32 KiB an event.
  var MAX_BYTES = 30000
  var MAX_EVENTS = 20
  var LINGER = 250

  var queue = []
  var bytes = 0
  var timer = 0
  var last = ''     // the page last counted
  var previous = '' // the page before it, as the referrer within a single-page application
  var refused = null // what the person refused on this page: said with every event at once
  var version       // of the texts, as the gateway last told
  var proven = {}   // who the page's server says this is: a choice is that contact's too

  // What is made before anybody has chosen waits here, in memory alone, where the
  // page says data-release="on" and the site allows it. It is sent once: released
  // by a grant on this page, or else as what it is, for no purpose on consent.
  var held = script.getAttribute('data-release') === 'on' ? [] : null
  var unset // the purposes that a grant can release it for; undefined: not known yet

  function id() {
    var b = new Uint8Array(16)
    w.crypto.getRandomValues(b)
    return Array.from(b, x => (x + 256).toString(16).slice(1)).join('')
  }

  // address is a URL without its fragment, without credentials and with only
  // those parameters that are known to be about campaigns, not people.
  function address(url) {
    var u = new URL(url, d.baseURI)
    var kept = new URLSearchParams()
    keep.forEach(name => {
      u.searchParams.getAll(name).forEach(value => { kept.append(name, value) })
    })
    var query = kept.toString()
    return u.origin + u.pathname + (query ? '?' + query : '')
  }

  // The gateway takes a language, a script and a country, and nothing after them.
  function language(tag) {
    return (/^[a-z]{2,3}(-[a-z]{4})?(-[a-z]{2})?(?![^-])/i.exec(tag || '') || [])[0]
  }

  // A page of another host may carry anything in its path: its origin is enough.
  function referrer() {
    if (previous || !d.referrer) return previous
    var u = new URL(d.referrer)
    return u.origin === w.location.origin ? u.origin + u.pathname : u.origin + '/'
  }

  function safely(f) {
    return (...parts) => {
      try { return f(...parts) } catch (e) { /* a fault of ours is not the page's */ }
    }
  }

  function flush() {
    w.clearTimeout(timer)
    timer = 0
    if (!queue.length) return
    var batch = { key: key, sentAt: new Date().toISOString(), events: queue }
    if (n.globalPrivacyControl === true) batch.gpc = true
    if (refused) batch.consent = refused
    queue = []
    bytes = 0
    var body = JSON.stringify(batch)
    var url = host + '/e'
    if (n.sendBeacon && n.sendBeacon(url, new Blob([body], { type: 'text/plain' }))) return
    w.fetch(url, {
      method: 'POST', body: body, credentials: 'include', keepalive: body.length < MAX_BYTES,
      headers: { 'Content-Type': 'text/plain' }
    }).catch(() => {})
  }

  function send(type, fields) {
    var event = { type: type, messageId: id(), timestamp: new Date().toISOString() }
    event.page = { url: address(w.location.href) }
    var from = referrer()
    if (from) event.page.referrer = from
    Object.keys(fields).forEach(name => {
      if (fields[name] != null) event[name] = fields[name]
    })
    if (!held || type === 'identify') return put(event)
    held.push(event)
    if (held.length > MAX_EVENTS) put(held.shift(), unset && [])
  }

  function put(event, released) {
    if (released) event.released = released
    var size = JSON.stringify(event).length
    if (queue.length && bytes + size > MAX_BYTES) flush()
    queue.push(event)
    bytes += size
    if (queue.length >= MAX_EVENTS) flush()
    else if (!timer) timer = w.setTimeout(safely(flush), LINGER)
  }

  // letGo sends what is held; for what nobody had chosen about yet, if that is
  // known, only as far as it is released. With on it goes on holding.
  function letGo(on, released) {
    var events = held || []
    held = on && held && []
    events.forEach(event => { put(event, unset && (released || [])) })
  }

  function releasable(now) {
    return Object.keys(now.purposes).filter(purpose => now.purposes[purpose].release)
  }

  // ask finds out what a grant could release: nothing where all is chosen already.
  function ask() {
    if (held) talk().then(safely(now => {
      var open = now ? releasable(now) : []
      if (open.length) unset = open
      else letGo()
    }))
  }

  function track(name, properties) {
    if (name) send('track', { name: String(name), properties: properties })
  }

  function page(name, properties) {
    last = address(w.location.href)
    send('page', { name: name && String(name), properties: properties })
  }

  // An identifier leaves the page only once the person has agreed to a purpose
  // that needs one; it is not kept for later.
  function identify(userId, traits, options) {
    if (!userId) return
    var who = { userId: String(userId), properties: traits, proof: (options || {}).proof }
    proven = who.proof ? who : {}
    talk().then(safely(now => {
      if (now && now.visitor) send('identify', who)
    }))
  }

  // talk makes a choice, or without one asks what is in force.
  function talk(body) {
    return w.fetch(host + '/consent' + (body ? '' : '?key=' + encodeURIComponent(key)), {
      method: body ? 'POST' : 'GET', body: body, credentials: 'include', cache: 'no-store',
      headers: body ? { 'Content-Type': 'text/plain' } : {}
    }).then(answer => {
      return answer.ok ? answer.json() : null
    }).then(now => {
      if (now) version = now.version
      return now
    }).catch(() => null)
  }

  // consent() reads what is in force; consent({analytics: true}) sets it. Both
  // resolve with the state, or with null when the gateway cannot be reached.
  function consent(choices, options) {
    if (!choices) return talk()
    options = options || {}
    Object.keys(choices).forEach(purpose => {
      if (choices[purpose]) return
      refused = refused || {}
      refused[purpose] = false
      if (unset) unset = unset.filter(other => other !== purpose)
    })
    if (!unset || !unset.length) letGo()
    flush() // what was done before the choice is sent under what was in force before it
    var shown = () => options.version != null ? options.version : version
    var known = shown() != null ? Promise.resolve() : talk()
    return known.then(() => talk(JSON.stringify({
      key: key, choices: choices, version: String(shown()), userId: proven.userId, proof: proven.proof,
      locale: language(options.locale) || language(d.documentElement.lang) || language(n.language),
      surface: options.surface || 'dialogue'
    }))).then(now => {
      if (!now) return now
      Object.keys(choices).forEach(purpose => {
        if (choices[purpose] && refused) delete refused[purpose]
      })
      if (refused && !Object.keys(refused).length) refused = null
      if (held && unset) {
        var freed = releasable(now).filter(purpose => unset.includes(purpose))
        if (freed.length || now.visitor) letGo(false, freed)
      }
      return now
    })
  }

  var methods = { track: track, page: page, identify: identify, consent: consent }
  function zgoda(name, ...parts) {
    return methods[name] && methods[name](...parts)
  }
  Object.keys(methods).forEach(name => { methods[name] = zgoda[name] = safely(methods[name]) })
  zgoda.key = key

  var waiting = stub.q || []
  w.zgoda = zgoda

  // A page that comes back may have missed what was chosen elsewhere: it holds
  // nothing any more.
  function leave(on) {
    letGo(on)
    flush()
  }

  // Single-page applications change the address without loading a page.
  function moved() {
    var here = address(w.location.href)
    if (here === last) return
    previous = last.split('?')[0]
    page()
  }

  function begin() {
    if (script.getAttribute('data-auto') !== 'off') {
      page()
      ;['pushState', 'replaceState'].forEach(name => {
        var native = w.history[name]
        w.history[name] = function () {
          var result = native.apply(this, arguments)
          safely(moved)()
          return result
        }
      })
      w.addEventListener('popstate', safely(moved))
    }
    ask()
    Array.from(waiting).forEach(call => { zgoda(...call) })
    d.addEventListener('visibilitychange', safely(() => { if (d.visibilityState === 'hidden') leave(true) }))
    w.addEventListener('pagehide', safely(() => { leave() }))
  }

  // A page that is only being prepared has not been seen by anyone.
  if (d.prerendering) d.addEventListener('prerenderingchange', safely(begin), { once: true })
  else safely(begin)()
})(window, document, navigator)
