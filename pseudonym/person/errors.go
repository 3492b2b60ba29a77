package person

import "errors"

// Errors of what is asked for. None of them holds content.
var (
	ErrDatum      = errors.New("a datum has a kind or a name, a value and a source: at most 64, 4096 and 128 bytes, of UTF-8 without control characters")
	ErrIdentifier = errors.New("an identifier cannot be read as its kind")
	ErrTaken      = errors.New("the identifier leads to another contact")
	ErrLast       = errors.New("the contact's last identifier stays: nothing else leads to it")
	ErrSite       = errors.New("the identifiers are of two sites")
	ErrKind       = errors.New("an identifier is corrected by one of its kind alone: add the other, or take this one away")
	ErrChanged    = errors.New("the contact's data have changed since they were shown")
	ErrNoDatum    = errors.New("the contact has no such datum or document")
	ErrFull       = errors.New("the contact has as many data as can be kept of one")
	ErrDocument   = errors.New("a document has a name, a media type and a source: at most 255, 100 and 128 bytes, without control characters")
	ErrTooLarge   = errors.New("the document is larger than allowed, or the contact's documents are together")
	ErrEmpty      = errors.New("the document is empty")
	ErrCut        = errors.New("the document is not of the length that was announced")
	ErrIncomplete = errors.New("the document was never received whole")
	// ErrSealed is returned for what the contact's key does not open.
	ErrSealed = errors.New("what is kept of the contact cannot be opened: the vault is damaged")
)
