// Speaks for the IAB's own library of TC strings, @iabtcf/core.
//
//   node reference.mjs make COUNT SEED   prints COUNT random strings, one JSON object a line
//   node reference.mjs read              reads strings from stdin, one a line, and prints for
//                                        each what the library reads in it, or {"error": true}
//
// All fields are those that the library's decoder reads, also of the strings made here. Sets of
// vendors are runs: [[first, last], ...].
import {createRequire} from 'node:module'
import {createInterface} from 'node:readline'

const {TCModel, TCString, GVL, PurposeRestriction, Segment, SegmentEncoder} =
  createRequire(import.meta.url)('@iabtcf/core')

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const TYPES = ['core', 'disclosed', 'allowed', 'publisher']
const segments = string => string.split('.').map((s, i) => i === 0 ? 'core' : TYPES[ALPHABET.indexOf(s[0]) >> 3])

const runs = ids => {
  const out = []
  for (const id of ids) {
    if (out.length > 0 && out.at(-1)[1] + 1 === id) out.at(-1)[1] = id
    else out.push([id, id])
  }
  return out
}
const members = vector => {
  const out = []
  vector.forEach((on, id) => { if (on) out.push(id) })
  return out
}
const tenths = date => Math.round(date.getTime() / 100)

function fields(string) {
  const d = TCString.decode(string)
  const has = new Set(segments(string))
  const restrictions = d.publisherRestrictions.getRestrictions().map(r => ({
    purpose: r.purposeId, type: r.restrictionType,
    vendors: runs([...new Set(d.publisherRestrictions.getVendors(r))].sort((a, b) => a - b)),
  }))
  return {
    created: tenths(d.created), lastUpdated: tenths(d.lastUpdated),
    cmpId: d.cmpId, cmpVersion: d.cmpVersion, consentScreen: d.consentScreen,
    consentLanguage: d.consentLanguage, publisherCountry: d.publisherCountryCode,
    vendorListVersion: d.vendorListVersion, policyVersion: d.policyVersion,
    serviceSpecific: d.isServiceSpecific, ownTexts: d.useNonStandardStacks, purposeOneHidden: d.purposeOneTreatment,
    specialFeatures: members(d.specialFeatureOptins),
    purposeConsents: members(d.purposeConsents), purposeLegInt: members(d.purposeLegitimateInterests),
    vendorConsents: runs(members(d.vendorConsents)), vendorLegInt: runs(members(d.vendorLegitimateInterests)),
    restrictions: restrictions.sort((a, b) => a.purpose - b.purpose || a.type - b.type),
    disclosed: has.has('disclosed') ? runs(members(d.vendorsDisclosed)) : null,
    allowed: has.has('allowed') ? runs(members(d.vendorsAllowed)) : null,
    publisher: has.has('publisher') ? {
      consents: members(d.publisherConsents), legInt: members(d.publisherLegitimateInterests),
      customCount: d.numCustomPurposes,
      customConsents: members(d.publisherCustomConsents), customLegInt: members(d.publisherCustomLegitimateInterests),
    } : null,
  }
}

// A number in [0, 1), the same ones for the same seed (mulberry32).
let state = 0
function random() {
  state = (state + 0x6d2b79f5) >>> 0
  let t = Math.imul(state ^ (state >>> 15), state | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
const int = (low, high) => low + Math.floor(random() * (high - low + 1))
const pick = list => list[int(0, list.length - 1)]
const some = (max, p) => {
  const out = []
  for (let i = 1; i <= max; i++) if (random() < p) out.push(i)
  return out
}
const letters = () => String.fromCharCode(int(65, 90), int(65, 90))

// Dense, sparse, in long runs, and none at all, so that both encodings come up.
function vendors() {
  const top = pick([0, 1, 20, 300, 300, 1500, 1500, 4000, random() < 0.1 ? 65535 : 900])
  switch (int(0, 3)) {
    case 0: return some(Math.min(top, 1500), 0.5)
    case 1: return [...new Set(Array.from({length: Math.min(top, 12)}, () => int(1, top)))]
    case 2: {
      const out = []
      for (let i = int(1, 50); i <= top; i += int(2, 900))
        for (const end = Math.min(top, i + int(0, 60)); i <= end; i++) out.push(i)
      return out
    }
    default: return []
  }
}

// The encoder asks a vendor list whether ranges of restrictions may be joined over ids that nobody
// has. This one has every id, each vendor being flexible in all purposes, so that nothing is lost.
const every = Array.from({length: 24}, (_, i) => i + 1)
function vendorList() {
  const known = {}
  for (let id = 1; id <= 2100; id++)
    known[id] = {id, name: 'v' + id, purposes: every, legIntPurposes: every, flexiblePurposes: every,
      specialPurposes: [], features: [], specialFeatures: []}
  return new GVL({gvlSpecificationVersion: 3, vendorListVersion: 1, tcfPolicyVersion: 5, lastUpdated: '2026-01-01T00:00:00Z',
    purposes: Object.fromEntries(every.map(id => [id, {id}])), specialPurposes: {}, features: {}, specialFeatures: {},
    stacks: {}, dataCategories: {}, vendors: known})
}

function model(list) {
  const m = new TCModel()
  m.version = 2
  m.cmpId = int(2, 4095); m.cmpVersion = int(0, 4095); m.consentScreen = int(0, 63); m.consentLanguage = letters()
  m.vendorListVersion = int(0, 4095); m.policyVersion = pick([2, 3, 4, 5, 6]); m.publisherCountryCode = letters()
  m.isServiceSpecific = random() < 0.9; m.useNonStandardStacks = random() < 0.2; m.purposeOneTreatment = random() < 0.2
  m.specialFeatureOptins.set(some(12, 0.3))
  m.purposeConsents.set(some(24, 0.5)); m.purposeLegitimateInterests.set(some(24, 0.5))
  m.vendorConsents.set(vendors()); m.vendorLegitimateInterests.set(vendors())
  m.vendorsDisclosed.set(vendors()); m.vendorsAllowed.set(vendors())
  m.publisherConsents.set(some(24, 0.5)); m.publisherLegitimateInterests.set(some(24, 0.5))
  m.numCustomPurposes = pick([0, 0, 3, 24, 36, 37, 63])
  m.publisherCustomConsents.set(some(m.numCustomPurposes, 0.5))
  m.publisherCustomLegitimateInterests.set(some(m.numCustomPurposes, 0.5))
  m.publisherRestrictions.gvl = list
  for (let n = int(0, 4); n > 0; n--) {
    const restriction = new PurposeRestriction(int(1, 24), int(0, 2))
    for (const id of some(pick([5, 300, 2000]), pick([0.02, 0.3]))) m.publisherRestrictions.add(id, restriction)
  }
  // Last, since setters may move it.
  m.created = new Date(int(17000000000, 17900000000) * 100)
  m.lastUpdated = new Date(m.created.getTime() + pick([0, int(0, 1e6)]) * 100)
  return m
}

// TCString.encode would put the whole vendor list into the disclosed segment and leave others out, so
// that each segment is encoded by the encoder that it calls.
function encode(m) {
  const optional = [Segment.VENDORS_DISCLOSED, Segment.VENDORS_ALLOWED, Segment.PUBLISHER_TC].filter(() => random() < 0.6)
  if (random() < 0.3) optional.reverse()
  return [Segment.CORE, ...optional].map(s => SegmentEncoder.encode(m, s)).join('.')
}

const print = value => process.stdout.write(JSON.stringify(value) + '\n')

const [mode, count, seed] = process.argv.slice(2)
if (mode === 'make') {
  state = Number(seed) >>> 0
  const list = vendorList()
  for (let n = 0; n < Number(count); n++) {
    const m = model(list)
    const string = encode(m)
    const read = fields(string)
    for (const [name, vector] of [['vendorConsents', m.vendorConsents], ['vendorLegInt', m.vendorLegitimateInterests]])
      if (JSON.stringify(read[name]) !== JSON.stringify(runs(members(vector)))) throw new Error(name + ' was lost by the library itself')
    print({string, ...read})
  }
} else {
  for await (const line of createInterface({input: process.stdin})) {
    try { print({string: line, ...fields(line)}) } catch { print({string: line, error: true}) }
  }
}
