// Speaks for the IAB's own library of GPP strings, @iabgpp/cmpapi.
//
//   node reference.mjs make COUNT SEED   prints COUNT random strings, one JSON object a line
//   node reference.mjs read              reads strings from stdin, one a line, and prints for
//                                        each what the library reads in it, or {"error": true}
//
// All fields are those that the library's decoder reads, also of the strings made here.
import {createRequire} from 'node:module'
import {createInterface} from 'node:readline'

const {GppModel} = createRequire(import.meta.url)('@iabgpp/cmpapi')

// For each section its id, how many values its lists have, and whether it has a segment for GPC. One
// value of children is a number there and no list.
const states = {
  usnat: [7, 16, 3, true], usca: [8, 9, 2, true], usva: [9, 8, 1, false], usco: [10, 7, 1, true],
  usut: [11, 8, 1, false], usct: [12, 8, 3, true], usfl: [13, 8, 3, false], usmt: [14, 8, 3, true],
  usor: [15, 11, 3, true], ustx: [16, 8, 1, true], usde: [17, 9, 5, true], usia: [18, 8, 1, true],
  usne: [19, 8, 1, true], usnh: [20, 8, 3, true], usnj: [21, 10, 5, true], ustn: [22, 8, 1, true],
  usmn: [23, 8, 1, true], usmd: [24, 0, 0, true], usin: [25, 8, 1, false], usky: [26, 8, 1, false],
  usri: [27, 8, 1, false],
}
const singles = ['SharingNotice', 'ProcessingNotice', 'SaleOptOutNotice', 'SharingOptOutNotice',
  'TargetedAdvertisingOptOutNotice', 'SensitiveDataProcessingOptOutNotice', 'SensitiveDataLimitUseNotice',
  'SensitiveDataOptOutNotice', 'SaleOptOut', 'SharingOptOut', 'TargetedAdvertisingOptOut', 'PersonalDataConsents',
  'AdditionalDataProcessingConsent', 'MspaOptOutOptionMode', 'MspaServiceProviderMode', 'MspaMode']
const idOf = name => ({tcfeuv2: 2, uspv1: 6})[name] ?? states[name]?.[0] ?? 0

function fields(string) {
  const model = new GppModel()
  model.decode(string)
  const sections = {}
  for (const [name, section] of Object.entries(model.toObject())) {
    for (const [key, value] of Object.entries(section)) {
      if (value instanceof Date) section[key] = Math.round(value.getTime() / 100)
      // A set: ranges may come in any order and twice.
      if (/^Vendor.*(Consents|Interests|ed)$/.test(key)) section[key] = [...new Set(value)].sort((a, b) => a - b)
    }
    sections[idOf(name)] = {name, fields: section}
  }
  return {sections}
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
const flags = n => Array.from({length: n}, () => random() < 0.5)
const values = n => Array.from({length: n}, () => int(0, 2))
const some = (max, p) => {
  const out = []
  for (let i = 1; i <= max; i++) if (random() < p) out.push(i)
  return out
}

// Sets a field if the section has it: the library throws on names that it does not know.
function set(model, section, field, value) {
  try { model.setFieldValue(section, field, value) } catch (e) { if (!/Invalid|not found/i.test(String(e))) throw e }
}

function european(model) {
  const put = (field, value) => set(model, 'tcfeuv2', field, value)
  put('CmpId', int(2, 4095)); put('CmpVersion', int(0, 4095)); put('ConsentScreen', int(0, 63))
  put('ConsentLanguage', 'PL'); put('VendorListVersion', int(0, 4095)); put('PolicyVersion', 5)
  put('PurposeConsents', flags(24)); put('PurposeLegitimateInterests', flags(24)); put('SpecialFeatureOptins', flags(12))
  put('VendorConsents', some(pick([0, 30, 900]), pick([0.02, 0.5])))
  put('VendorLegitimateInterests', some(pick([0, 30, 900]), pick([0.02, 0.5])))
  put('VendorsDisclosed', some(pick([30, 900]), 0.5))
  put('PublisherConsents', flags(24)); put('PublisherLegitimateInterests', flags(24))
}

function american(model, name) {
  const [, sensitive, child, gpc] = states[name]
  if (name === 'usnat') set(model, name, 'Version', pick([1, 2]))
  for (const field of singles) set(model, name, field, int(0, 2))
  set(model, name, 'MspaCoveredTransaction', int(1, 2))
  if (sensitive) set(model, name, 'SensitiveDataProcessing', values(sensitive))
  if (child) set(model, name, 'KnownChildSensitiveDataConsents', child === 1 ? int(0, 2) : values(child))
  if (gpc) {
    set(model, name, 'GpcSegmentIncluded', random() < 0.7)
    set(model, name, 'Gpc', random() < 0.5)
  } else set(model, name, 'SensitiveDataConsentSegmentIncluded', random() < 0.7)
}

function make() {
  const model = new GppModel()
  if (random() < 0.15) european(model)
  if (random() < 0.3) for (const field of ['Notice', 'OptOutSale', 'LspaCovered']) set(model, 'uspv1', field, pick(['Y', 'N', '-']))
  const share = pick([0.05, 0.1, 0.6])
  for (const name of Object.keys(states)) if (random() < share) american(model, name)
  return model.encode()
}

const print = value => process.stdout.write(JSON.stringify(value) + '\n')

const [mode, count, seed] = process.argv.slice(2)
if (mode === 'make') {
  state = Number(seed) >>> 0
  for (let n = 0; n < Number(count); n++) {
    const string = make()
    print({string, ...fields(string)})
  }
} else {
  for await (const line of createInterface({input: process.stdin})) {
    try { print({string: line, ...fields(line)}) } catch { print({string: line, error: true}) }
  }
}
