package ledger

var partNames = [...]string{
	"none", "subject", "linked", "raw_signal", "actor", "reason", "proof_ref", "guardian_ref", "country",
}

// String returns the part's name as an export writes it, for example "subject".
func (p Part) String() string { return name(partNames[:], int(p)) }

// IsHandle says whether the part is a pseudonym; the others are texts.
func (p Part) IsHandle() bool { return p == PartSubject || p == PartLinked }
