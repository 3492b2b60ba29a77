package tcf

// Error is why a TC string is not used. It is a closed set and holds nothing of
// the string.
type Error uint8

// Why a string cannot be read (Parse), or must not be used now (Check).
const (
	// ErrEmpty: there is no text, or a segment is empty.
	ErrEmpty Error = iota + 1
	// ErrLong: the text is longer than MaxLength.
	ErrLong
	// ErrAlphabet: a sign is not base64url.
	ErrAlphabet
	// ErrVersion: the first segment is not a core of version 2.
	ErrVersion
	// ErrSegment: a segment of an unknown type, or one type twice.
	ErrSegment
	// ErrShort: a segment ends before its fields do.
	ErrShort
	// ErrCMP: the id of the consent tool is none that can be.
	ErrCMP
	// ErrLetters: a language or country is not two letters.
	ErrLetters
	// ErrRange: a range of vendors is empty, turned round, begins at 0 or ends
	// beyond the highest id.
	ErrRange
	// ErrRestriction: a publisher restriction for an unknown purpose or of an
	// unknown type.
	ErrRestriction
	// ErrTimes: created after it was last updated.
	ErrTimes
	// ErrFuture: last updated in the future.
	ErrFuture
	// ErrUndisclosed: made when Disclosed Vendors were compulsory, but without.
	ErrUndisclosed
	// ErrPurposeOne: purpose 1 is said to be undisclosed in a global string.
	ErrPurposeOne
	// ErrOld: last updated too long ago to grant anything.
	ErrOld
	// ErrGlobal: a string of global scope under TCF 2.2 or later, which has none.
	ErrGlobal
)

var errorTexts = [...]string{
	"", "it is empty or has an empty segment", "it is too long", "a sign is not base64url",
	"it does not begin with a core of version 2", "a segment is unknown or comes twice",
	"a segment is too short", "the consent tool has no valid id", "a language or country is not two letters",
	"a range of vendors is not valid", "a publisher restriction is not valid", "it was created after its last update",
	"it was updated in the future", "it has no Disclosed Vendors", "it hides purpose 1 in global scope",
	"it is too old", "it has global scope",
}

// Error says what is wrong, without anything of the string.
func (e Error) Error() string {
	if int(e) < len(errorTexts) {
		return "TC string: " + errorTexts[e]
	}
	return "TC string: not valid"
}

// Stale says whether the string can be read and is well-formed, but no longer
// grants anything: its refusals stand, its consents are to be asked for again.
func (e Error) Stale() bool { return e == ErrOld || e == ErrGlobal }
