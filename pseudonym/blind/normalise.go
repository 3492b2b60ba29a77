package blind

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"zgoda/event"
)

// MaxIdentifier is the greatest length of an identifier, in bytes, before and
// after normalisation.
const MaxIdentifier = 512

// ErrIdentifier is what every refusal of an identifier is. The error names the
// kind and what is wrong with it, never the value.
var ErrIdentifier = errors.New("not a usable identifier")

func refuse(kind event.IdentifierKind, why string) error {
	return fmt.Errorf("%w: %s %s", ErrIdentifier, kind, why)
}

// Normalise brings an identifier into the one form that is blinded.
//
//   - email: trimmed, NFC, lower-cased as a whole. Plus-addresses stay distinct.
//   - phone: E.164 with its plus. Separators go, a leading 00 becomes +, the
//     "(0)" that people write behind a country code goes. A number without
//     plus or 00 has no country: its digits are kept as they are, and equal
//     only the same digits.
//   - user_id, customer_id: exact bytes, which must be UTF-8.
//   - visitor: exact bytes of any kind, since a cookie's id is 16 raw bytes.
//
// For the last two the result is value itself; nothing is allocated.
func Normalise(kind event.IdentifierKind, value []byte) ([]byte, error) {
	switch {
	case len(value) == 0:
		return nil, refuse(kind, "is empty")
	case len(value) > MaxIdentifier:
		return nil, refuse(kind, "is too long")
	case kind == event.KindVisitor:
		return value, nil
	case !utf8.Valid(value):
		return nil, refuse(kind, "is not UTF-8")
	}
	switch kind {
	case event.KindUserID, event.KindCustomerID:
		return value, nil
	case event.KindEmail:
		return normaliseEmail(value)
	case event.KindPhone:
		return normalisePhone(value)
	default:
		return nil, refuse(kind, "is not a kind of identifier")
	}
}

func normaliseEmail(value []byte) ([]byte, error) {
	// Lower-casing can leave a text that is not NFC any more, so NFC comes last too.
	text := norm.NFC.String(strings.ToLower(norm.NFC.String(strings.TrimSpace(string(value)))))
	at := strings.LastIndexByte(text, '@')
	if at <= 0 || at == len(text)-1 {
		return nil, refuse(event.KindEmail, "is not an address")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return nil, refuse(event.KindEmail, "is not an address")
	}
	if len(text) > MaxIdentifier {
		return nil, refuse(event.KindEmail, "is too long")
	}
	return []byte(text), nil
}

// The digits that E.164 allows, and the fewest that any number plan uses.
const (
	maxPhoneDigits    = 15
	minPhoneDigits    = 7 // with a country code
	minNationalDigits = 5 // without
)

func normalisePhone(value []byte) ([]byte, error) {
	text := strings.TrimSpace(norm.NFKC.String(string(value)))
	if strings.HasPrefix(text, "+") || strings.HasPrefix(text, "00") {
		text = strings.Replace(text, "(0)", "", 1)
	}
	out := make([]byte, 0, maxPhoneDigits+3)
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9', r == '+' && len(out) == 0:
			out = append(out, byte(r))
		case phoneSeparator(r):
		default:
			return nil, refuse(event.KindPhone, "has what no number has")
		}
		if len(out) > maxPhoneDigits+2 {
			return nil, refuse(event.KindPhone, "has too many digits")
		}
	}
	if len(out) > 2 && out[0] == '0' && out[1] == '0' {
		out = append([]byte{'+'}, out[2:]...)
	}
	return checkPhone(out)
}

func phoneSeparator(r rune) bool {
	switch r {
	case '.', '/', '(', ')':
		return true
	}
	return unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf)
}

func checkPhone(number []byte) ([]byte, error) {
	digits, least := number, minNationalDigits
	if len(number) > 0 && number[0] == '+' {
		digits, least = number[1:], minPhoneDigits
		if len(digits) > 0 && digits[0] == '0' {
			return nil, refuse(event.KindPhone, "has no country code that exists")
		}
	}
	if len(digits) < least {
		return nil, refuse(event.KindPhone, "has too few digits")
	}
	if len(digits) > maxPhoneDigits {
		return nil, refuse(event.KindPhone, "has too many digits")
	}
	return number, nil
}
