package gather

import (
	"zgoda/consent"
	"zgoda/receipt"
)

// Site is what a site says of itself and of what it does with data.
type Site struct {
	receipt.Site

	Policy  *consent.Policy
	Contact string // how its controller is reached about data protection
	// ContactKept is how long a contact is kept after it was last seen, ISO 8601.
	ContactKept string
}
