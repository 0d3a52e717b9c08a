// Collects what the browser says of itself: inputs, long tasks, frames, and when things appeared.
window.observed = ((expected) => {
  const seen = { inputs: [], tasks: [], frames: [], appeared: {} }
  const watch = (type, take, options = {}) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...options })
  watch('event', (entry) => {
    if (entry.interactionId === 0) return
    seen.inputs.push({
      id: entry.interactionId, name: entry.name, wait: entry.processingStart - entry.startTime, duration: entry.duration,
    })
  }, { durationThreshold: 16 })
  watch('longtask', (entry) => seen.tasks.push(entry.duration))
  let before
  let running = false
  const frame = (now) => {
    if (!running) return
    if (before !== undefined) seen.frames.push(now - before)
    before = now
    requestAnimationFrame(frame)
  }
  const wanted = new Map(Object.entries(expected))
  const look = () => {
    for (const [name, selector] of wanted) {
      if (document.querySelector(selector) === null) continue
      seen.appeared[name] = performance.now()
      wanted.delete(name)
    }
  }
  new MutationObserver(look).observe(document, { subtree: true, childList: true })
  return {
    seen,
    begin: () => {
      Object.assign(seen, { inputs: [], tasks: [], frames: [] })
      before = undefined
      running = true
      requestAnimationFrame(frame)
    },
    end: () => { running = false },
    mark: (name) => performance.getEntriesByName(name)[0]?.startTime,
    detail: (name) => performance.getEntriesByName(name)[0]?.detail,
  }
})(EXPECTED)
