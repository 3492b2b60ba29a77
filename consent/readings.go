package consent

// Readings are what one consent tool says about each purpose, by the purpose's index in
// the policy: three sets of purposes, none of which is in two. A purpose in none of
// them is Unset.
type Readings struct{ refused, granted, unreadable uint32 }

// At returns the reading of a purpose; Unset of one that there cannot be.
func (r *Readings) At(purpose int) Reading {
	if purpose < 0 || purpose >= MaxStatementPurposes {
		return Unset
	}
	switch bit := uint32(1) << purpose; {
	case r.unreadable&bit != 0:
		return Unreadable
	case r.refused&bit != 0:
		return Refused
	case r.granted&bit != 0:
		return Granted
	default:
		return Unset
	}
}

// Set puts a reading in the place of what there was. What is no reading that is known
// is Unreadable.
func (r *Readings) Set(purpose int, to Reading) {
	if purpose < 0 || purpose >= MaxStatementPurposes {
		return
	}
	bit := uint32(1) << purpose
	r.refused, r.granted, r.unreadable = r.refused&^bit, r.granted&^bit, r.unreadable&^bit
	r.Say(purpose, to)
}

// Say notes a reading. Contradictions resolve to the strictest: unreadable, then
// refused, then granted.
func (r *Readings) Say(purpose int, to Reading) {
	if purpose < 0 || purpose >= MaxStatementPurposes {
		return
	}
	switch bit := uint32(1) << purpose; to {
	case Unset:
	case Granted:
		r.granted |= bit &^ (r.refused | r.unreadable)
	case Refused:
		r.refused |= bit &^ r.unreadable
		r.granted &^= bit
	default:
		r.unreadable |= bit
		r.refused, r.granted = r.refused&^bit, r.granted&^bit
	}
}

// DropGrants turns grants into nothing said.
func (r *Readings) DropGrants() { r.granted = 0 }

// join says what others say as well.
func (r *Readings) join(others Readings) {
	r.unreadable |= others.unreadable
	r.refused = (r.refused | others.refused) &^ r.unreadable
	r.granted = (r.granted | others.granted) &^ (r.refused | r.unreadable)
}
