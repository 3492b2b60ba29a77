package gpp

// Error is why a string cannot be read. It is a closed set and holds nothing of
// the string.
type Error uint8

// Why a string cannot be read.
const (
	// ErrEmpty: there is no text, or a section or subsection is empty.
	ErrEmpty Error = iota + 1
	// ErrLong: the text is longer than MaxLength.
	ErrLong
	// ErrAlphabet: a sign is not base64url.
	ErrAlphabet
	// ErrHeader: it begins with neither a GPP header nor a TC string.
	ErrHeader
	// ErrIDs: the section ids of the header are not valid.
	ErrIDs
	// ErrCount: there are not as many sections as ids.
	ErrCount
	// ErrShort: a section ends before its fields do.
	ErrShort
	// ErrVersion: a section of a version that is not known.
	ErrVersion
	// ErrValue: a field has a value that is not defined.
	ErrValue
	// ErrSubsection: a subsection that the section does not have, or twice.
	ErrSubsection
	// ErrUSPrivacy: not a us_privacy string.
	ErrUSPrivacy
	// ErrSIDs: not a list of section ids.
	ErrSIDs
)

var errorTexts = [...]string{
	"", "it is empty or has an empty section", "it is too long", "a sign is not base64url", "it has no header",
	"the section ids are not valid", "it has more or fewer sections than ids", "a section is too short",
	"a section has an unknown version", "a field has an undefined value", "a subsection is unknown or comes twice",
	"it is not a us_privacy string", "it is not a list of section ids",
}

// Error says what is wrong, without anything of the string.
func (e Error) Error() string {
	if int(e) < len(errorTexts) {
		return "GPP string: " + errorTexts[e]
	}
	return "GPP string: not valid"
}
