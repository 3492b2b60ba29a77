package gpp

// field is one step of a layout: a field and, for a list, how many values.
type field struct {
	field Field
	n     uint8
}

// layout is how the fields of an American section follow each other after its
// version of six bits. Each value has two bits.
type layout struct {
	version uint8
	// shortest and longest are the signs that the core may have, 0 for any
	// number: only usnat tells its versions apart by them.
	shortest, longest int
	core              []field
	gpc               bool // it may have a subsection for GPC
	// sensitive is the number of values in the subsection for sensitive data.
	sensitive uint8
}

func one(fields ...Field) []field {
	list := make([]field, len(fields))
	for i, f := range fields {
		list[i] = field{f, 1}
	}
	return list
}

func join(lists ...[]field) []field {
	var all []field
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

func sensitive(n uint8) []field { return []field{{SensitiveDataProcessing, n}} }

func child(n uint8) []field { return []field{{KnownChildSensitiveDataConsents, n}} }

var mspa = one(MspaCoveredTransaction, MspaOptOutOptionMode, MspaServiceProviderMode)

// national is section 7; version 2 has longer lists.
func national(version, categories, children uint8, shortest, longest int) *layout {
	return &layout{version: version, shortest: shortest, longest: longest, gpc: true, core: join(
		one(
			SharingNotice, SaleOptOutNotice, SharingOptOutNotice, TargetedAdvertisingOptOutNotice,
			SensitiveDataProcessingOptOutNotice, SensitiveDataLimitUseNotice,
			SaleOptOut, SharingOptOut, TargetedAdvertisingOptOut,
		),
		sensitive(categories), child(children), one(PersonalDataConsents), mspa,
	)}
}

// early is the layout of the first states after California (Virginia, Colorado,
// Connecticut).
func early(categories, children uint8, gpc bool) *layout {
	return &layout{version: 1, gpc: gpc, core: join(
		one(SharingNotice, SaleOptOutNotice, TargetedAdvertisingOptOutNotice, SaleOptOut, TargetedAdvertisingOptOut),
		sensitive(categories), child(children), mspa,
	)}
}

// later is the layout that most states share; they differ in the first notice.
func later(notice Field, categories, children uint8, gpc bool) *layout {
	return &layout{version: 1, gpc: gpc, core: join(
		one(notice, SaleOptOutNotice, TargetedAdvertisingOptOutNotice, SaleOptOut, TargetedAdvertisingOptOut),
		sensitive(categories), child(children), one(AdditionalDataProcessingConsent), mspa,
	)}
}

// noticed is the layout of Utah and Iowa, where one opts out of the use of
// sensitive data.
func noticed(first, fourth Field, gpc bool) *layout {
	return &layout{version: 1, gpc: gpc, core: join(
		one(first, SaleOptOutNotice, TargetedAdvertisingOptOutNotice, fourth, SaleOptOut, TargetedAdvertisingOptOut),
		sensitive(8), child(1), mspa,
	)}
}

// newest is the layout that begins with the MSPA's fields. Sensitive data stands
// in a subsection of its own, if at all.
func newest(children []field, gpc bool, categories uint8) *layout {
	return &layout{version: 1, gpc: gpc, sensitive: categories, core: join(
		one(
			MspaCoveredTransaction, MspaMode, ProcessingNotice, SaleOptOutNotice, TargetedAdvertisingOptOutNotice,
			SaleOptOut, TargetedAdvertisingOptOut,
		),
		children, one(AdditionalDataProcessingConsent),
	)}
}

// layouts holds what each section may look like, by id.
var layouts = [lastI + 1][]*layout{
	USNat: {national(1, 12, 2, 10, 11), national(2, 16, 3, 12, 0)},
	USCA: {{version: 1, gpc: true, core: join(
		one(SaleOptOutNotice, SharingOptOutNotice, SensitiveDataLimitUseNotice, SaleOptOut, SharingOptOut),
		sensitive(9), child(2), one(PersonalDataConsents), mspa,
	)}},
	USVA: {early(8, 1, false)},
	USCO: {early(7, 1, true)},
	USUT: {noticed(SharingNotice, SensitiveDataProcessingOptOutNotice, false)},
	USCT: {early(8, 3, true)},
	USFL: {later(ProcessingNotice, 8, 3, false)},
	USMT: {later(SharingNotice, 8, 3, true)},
	USOR: {later(ProcessingNotice, 11, 3, true)},
	USTX: {later(ProcessingNotice, 8, 1, true)},
	USDE: {later(ProcessingNotice, 9, 5, true)},
	USIA: {noticed(ProcessingNotice, SensitiveDataOptOutNotice, true)},
	USNE: {later(ProcessingNotice, 8, 1, true)},
	USNH: {later(ProcessingNotice, 8, 3, true)},
	USNJ: {later(ProcessingNotice, 10, 5, true)},
	USTN: {later(ProcessingNotice, 8, 1, true)},
	USMN: {later(ProcessingNotice, 8, 1, true)},
	USMD: {newest(nil, true, 0)},
	USIN: {newest(child(1), false, 8)},
	USKY: {newest(child(1), false, 8)},
	USRI: {newest(child(1), false, 8)},
}
