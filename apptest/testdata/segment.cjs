// A real Segment SDK on a server, pointed at the gateway: node segment.cjs URL KEY
const { Analytics } = require('@segment/analytics-node')

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, flushAt: 3, maxRetries: 3 })
const failed = []
analytics.on('error', (err) => failed.push(String(err.code || err)))

const consent = { categoryPreferences: { analytics: true, profiling: true } }
const context = {
  consent,
  ip: '193.0.6.139',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  locale: 'sk-SK',
  campaign: { name: 'spring', source: 'newsletter', medium: 'email' },
  page: { url: 'https://shop.example/cart?utm_term=lamp&session=abcdef', path: '/cart', title: 'Cart', referrer: 'https://search.example/find?q=x' },
}
const who = { userId: 'sdk-user-1', anonymousId: 'sdk-anon-1' }

analytics.identify({ ...who, messageId: 'sdk-identify', context, traits: { email: 'sdk.user@mail.example', plan: 'gold' } })
analytics.track({ ...who, messageId: 'sdk-track', context, event: 'Order Completed', properties: { sku: 'LAMP-7', price: 39.9, currency: 'EUR', note: 'x' } })
analytics.page({ ...who, messageId: 'sdk-page', context, name: 'Cart', properties: { url: 'https://shop.example/cart' } })
analytics.screen({ ...who, messageId: 'sdk-screen', context, name: 'Basket' })
analytics.group({ ...who, messageId: 'sdk-group', context, groupId: 'acme', traits: { name: 'Acme' } })
analytics.alias({ userId: 'sdk-user-1', previousId: 'sdk-anon-0', messageId: 'sdk-alias', context })
analytics.track({ userId: 'sdk-user-2', messageId: 'sdk-noconsent', event: 'Order Completed', properties: { sku: 'SOFA-1' } })
for (let i = 0; i < 10; i++) {
  analytics.track({ ...who, messageId: `sdk-batch-${i}`, context, event: 'Viewed' })
}
analytics.closeAndFlush({ timeout: 15000 }).then(() => {
  if (failed.length > 0) {
    console.error('the SDK reported errors: ' + failed.join(', '))
    process.exit(1)
  }
})
