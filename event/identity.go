package event

import (
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// redacted is what every type that could carry personal data prints as.
const redacted = "[redacted]"

// Handle is a pseudonym: 16 bytes, meaningless without the keyholder's keys.
// The zero Handle means "nobody". It prints as [redacted]; Text is the way to
// write it for people.
type Handle [16]byte

// IsZero says whether the handle names nobody.
func (h Handle) IsZero() bool { return h == Handle{} }

// crockford is Crockford's base32 in lower case, without padding.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// Text writes the handle for people: "c_" (a contact) or "v_" (a visitor) and
// 26 letters of Crockford base32.
func (h Handle) Text(kind IdentifierKind) string {
	prefix := "c_"
	if kind == KindVisitor {
		prefix = "v_"
	}
	return prefix + crockford.EncodeToString(h[:])
}

// ErrHandle is returned for a text that is not a handle.
var ErrHandle = errors.New("not a pseudonym (expected c_ or v_ and 26 letters)")

// ParseHandle reads what Text wrote. It accepts upper case, and Crockford's
// look-alikes (o for 0, i and l for 1). The error never repeats the text.
func ParseHandle(text string) (Handle, error) {
	text = strings.ToLower(text)
	body, ok := strings.CutPrefix(text, "c_")
	if !ok {
		if body, ok = strings.CutPrefix(text, "v_"); !ok {
			return Handle{}, ErrHandle
		}
	}
	body = strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(body)
	var h Handle
	raw, err := crockford.DecodeString(body)
	if err != nil || len(raw) != len(h) {
		return Handle{}, ErrHandle
	}
	copy(h[:], raw)
	return h, nil
}

// String returns "[redacted]".
func (Handle) String() string { return redacted }

// GoString returns "[redacted]".
func (Handle) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (Handle) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Handle) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", so that no encoder writes the bytes.
func (Handle) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Blinded is an identifier after the gateway's keyed hash (h1): 32 bytes that
// only the keyholder can turn into a subject. It prints as [redacted].
type Blinded [32]byte

// IsZero says whether there is no identifier.
func (b Blinded) IsZero() bool { return b == Blinded{} }

// String returns "[redacted]".
func (Blinded) String() string { return redacted }

// GoString returns "[redacted]".
func (Blinded) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (Blinded) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Blinded) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", so that no encoder writes the bytes.
func (Blinded) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// IdentifierKind says what sort of identifier was blinded.
type IdentifierKind uint8

// The kinds of identifiers. The zero value is not a kind.
const (
	KindUnknown IdentifierKind = iota
	KindVisitor
	KindUserID
	KindEmail
	KindPhone
	KindCustomerID
)

var kindNames = [...]string{"unknown", "visitor", "user_id", "email", "phone", "customer_id"}

// String returns the kind as commands and the API write it, e.g. "user_id".
func (k IdentifierKind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[KindUnknown]
}

// ErrIdentifier is returned for a text that is not KIND:VALUE.
var ErrIdentifier = errors.New("identifier must be KIND:VALUE with KIND one of visitor, user_id, email, phone, customer_id")

// ParseIdentifier splits KIND:VALUE, for example "email:jana@example.org".
// The error never repeats the text.
func ParseIdentifier(text string) (IdentifierKind, string, error) {
	name, value, ok := strings.Cut(text, ":")
	if !ok || strings.TrimSpace(value) == "" {
		return KindUnknown, "", ErrIdentifier
	}
	for i := 1; i < len(kindNames); i++ {
		if name == kindNames[i] {
			return IdentifierKind(i), value, nil
		}
	}
	return KindUnknown, "", ErrIdentifier
}

// Handles are the pseudonyms of one data subject, one for each use, which only
// the keyholder can tell to belong together.
type Handles struct {
	Consent   Handle // the control store: ledger, restriction, requests
	Profiling Handle // ClickHouse rows of scope person
	Analytics Handle // ClickHouse rows of scope period, for Period only
	Period    Period // the period Analytics is for
	Version   KeyVersion

	// Erased is the cut-off, in Unix milliseconds, of an erasure that the identifier was
	// part of: what happened before it is nobody's any more. 0: none.
	Erased int64
}

// Period is a calendar month (UTC) of the analytics pseudonym: year*100+month.
type Period uint32
