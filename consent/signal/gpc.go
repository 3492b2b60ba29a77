package signal

import (
	"zgoda/consent"
	"zgoda/jsontape"
)

// GPC reads Global Privacy Control: the header Sec-GPC with the exact value "1"
// (of several, one suffices; anything else is ignored, as the specification
// says), and gpc in the body, which the snippet sends since a beacon's headers
// are not its own.
type GPC struct{}

// Source returns SourceGPC.
func (GPC) Source() consent.Source { return consent.SourceGPC }

// Read implements Parser. A gpc in the body that is not a boolean cannot be read.
func (GPC) Read(in *Input, _ *consent.Policy, out *consent.Signals) {
	if in.headerIsOne("Sec-GPC") {
		out.SeeGPC(consent.CarrierHeader)
	}
	if absent(in.GPC) {
		return
	}
	switch in.GPC.Type() {
	case jsontape.True:
		out.SeeGPC(consent.CarrierBody)
	case jsontape.False:
	default:
		st := consent.Statement{Source: consent.SourceGPC, Carrier: consent.CarrierBody}
		breakFor(&st, consent.DetailType)
		out.Put(&st)
	}
}
