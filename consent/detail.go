package consent

// Carrier says where in a request a statement stood. It is a closed set of
// words, for traces.
type Carrier uint8

// The carriers. CarrierNone is for statements that nobody carried.
const (
	CarrierNone   Carrier = iota
	CarrierHeader         // a header of HTTP
	CarrierQuery          // a parameter of the address
	CarrierCookie         // a cookie
	CarrierBody           // the event, or what stands beside the events of a batch
	CarrierGPP            // a section of a GPP string
	carrierCount
)

var carrierNames = [carrierCount]string{"", "header", "query", "cookie", "body", "gpp"}

// String returns the carrier in one word, empty for CarrierNone.
func (c Carrier) String() string {
	if c < carrierCount {
		return carrierNames[c]
	}
	return carrierNames[CarrierNone]
}

// Detail says how a statement was read, in one of a closed set of words: none
// repeats what the request holds.
type Detail uint8

// The details.
const (
	DetailNone Detail = iota

	// Why a signal cannot be read.
	DetailType        // a value of a type that it must not have
	DetailSyntax      // not what the signal's grammar allows
	DetailDiffers     // two different values where one is expected
	DetailTooLong     // longer, or of more parts, than any honest one
	DetailEmpty       // there, with nothing in it
	DetailUndisclosed // a TC string that must have the segment of disclosed vendors, and has none
	DetailFuture      // made after it came

	// How a TC string was read.
	DetailVendor    // for the site's vendor
	DetailNotShown  // the site's vendor was not disclosed to the person
	DetailPublisher // by its publisher's segment
	DetailCore      // by its purposes, without a vendor
	DetailStale     // too old to grant anything
	DetailGlobal    // of a scope that is not this site's, so it grants nothing

	// What a string of US privacy says.
	DetailOptOut     // opted out of a sale, of sharing, or of targeted advertising
	DetailNoOptOut   // not opted out, which grants nothing
	DetailNotApplied // the law does not apply, which grants nothing
	DetailUnknown    // no section that is known

	// The rest.
	DetailDefaults     // defaults only: nobody has answered yet
	DetailWithdrawAll  // withdraws all that is not consented to beside it
	DetailMarketing    // objects to direct marketing
	DetailNothing      // an empty object, which refuses all
	DetailOtherVersion // made for other texts: only its refusals count
	detailCount
)

var detailNames = [detailCount]string{
	"", "wrong-type", "malformed", "two-values", "too-long", "empty", "no-disclosed-vendors", "from-the-future",
	"vendor", "vendor-not-disclosed", "publisher", "core", "too-old", "global-scope",
	"opted-out", "not-opted-out", "does-not-apply", "no-known-section",
	"defaults-only", "withdraws-all", "objects-to-direct-marketing", "nothing-allowed", "other-version",
}

// String returns the detail in one word, empty for DetailNone.
func (d Detail) String() string {
	if d < detailCount {
		return detailNames[d]
	}
	return detailNames[DetailNone]
}
