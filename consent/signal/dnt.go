package signal

import "zgoda/consent"

// DNT reads Do Not Track: DNT or X-Do-Not-Track with the exact value "1".
type DNT struct{}

// Source returns SourceDNT.
func (DNT) Source() consent.Source { return consent.SourceDNT }

// Read implements Parser.
func (DNT) Read(in *Input, _ *consent.Policy, out *consent.Signals) {
	if in.headerIsOne("DNT") || in.headerIsOne("X-Do-Not-Track") {
		out.DNT = consent.Present
	}
}
