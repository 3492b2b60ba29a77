package consent

import "zgoda/event"

// Outcome is the answer for one purpose. The zero value denies.
type Outcome uint8

// The outcomes.
const (
	Deny Outcome = iota
	Allow
)

// String returns "deny" or "allow".
func (o Outcome) String() string {
	if o == Allow {
		return "allow"
	}
	return "deny"
}

// Holder says whose grant allows a purpose, and so under whose pseudonym an
// event may be stored.
type Holder uint8

// The holders.
const (
	HolderNobody Holder = iota
	HolderVisitor
	HolderContact
)

var holderNames = [...]string{"nobody", "visitor", "contact"}

// String returns the holder in one word.
func (h Holder) String() string {
	if int(h) < len(holderNames) {
		return holderNames[h]
	}
	return holderNames[HolderNobody]
}

// holders is a set of holders: everyone under whose pseudonym a purpose is
// allowed, where Verdict.Holder names the first of them.
type holders uint8

func (h Holder) set() holders { return 1 << h }

func (s holders) has(h Holder) bool { return s&h.set() != 0 }

// first returns the contact before the visitor before nobody.
func (s holders) first() Holder {
	switch {
	case s.has(HolderContact):
		return HolderContact
	case s.has(HolderVisitor):
		return HolderVisitor
	default:
		return HolderNobody
	}
}

// Verdict is the decision about one purpose.
type Verdict struct {
	Outcome Outcome
	By      Source
	Holder  Holder
	all     holders
}

// Decision is the answer for every purpose of a policy, by index. It is a value
// without pointers to the request.
type Decision struct {
	policy   *Policy
	verdicts [event.MaxPurposes]Verdict
	sequence event.Sequence
	class    Class
	released event.PurposeSet // for which the event was released
}

// Policy returns the policy that was decided by.
func (d *Decision) Policy() *Policy { return d.policy }

// Sequence returns the smallest control sequence of the records decided by.
func (d *Decision) Sequence() event.Sequence { return d.sequence }

// Verdict returns the verdict on the i-th purpose of the policy; an index out
// of range denies.
func (d *Decision) Verdict(i int) Verdict {
	if d.policy == nil || i < 0 || i >= len(d.policy.Purposes) || i >= len(d.verdicts) {
		return Verdict{}
	}
	return d.verdicts[i]
}

// Decide answers for every purpose of the policy. It is pure and total, and
// allocates nothing.
//
// Order of the rules: data on criminal convictions and an erased or restricted
// data subject deny everything; any refusal denies; special data and minors are
// denied what no grant can allow; a purpose on consent needs one explicit grant
// of the one under whose pseudonym the event would be stored; one on legitimate
// interest or a related purpose needs no objection; otherwise deny. Each rule is
// the strictest of the controller's establishment, the contact's country and the
// address's. Signals that were not read at all (nil) count as unreadable.
func Decide(policy *Policy, signals *Signals, subject Subject) Decision {
	d := Decision{policy: policy, class: subject.Class}
	if policy == nil {
		return d
	}
	d.sequence = subject.sequence()
	if subject.Unset {
		d.released = subject.Released
	}
	c := newCase(policy, signals, &subject)
	c.decide(&d)
	return d
}

// Erase denies everything: the event is of before the erasure of whom it is about,
// whatever is on record of who uses the identifier since.
func (d *Decision) Erase() {
	for i := range d.verdicts {
		d.verdicts[i] = Verdict{By: SourceErased}
	}
}

// decide fills in every verdict: of purposes that lean on another one last.
func (c *verdictCase) decide(d *Decision) {
	n := min(len(c.policy.Purposes), len(d.verdicts))
	leaning := false
	for i := range n {
		c.rules[i] = c.ground.rule(c.policy, i)
		if c.rules[i].bases.has(BasisRelated) {
			leaning = true
			continue
		}
		d.verdicts[i] = c.verdict(i, d)
	}
	for i := 0; i < n && leaning; i++ {
		if c.rules[i].bases.has(BasisRelated) {
			d.verdicts[i] = c.verdict(i, d)
		}
	}
}

// sequence returns the smallest sequence of the records present, so that a
// change to any of them makes the decision stale.
func (s *Subject) sequence() event.Sequence {
	var least event.Sequence
	found := false
	for _, r := range [...]*Record{s.Visitor, s.Contact, s.Second} {
		if r != nil && (!found || r.Sequence < least) {
			least, found = r.Sequence, true
		}
	}
	return least
}
