package confirm

import (
	"strconv"
	"strings"

	"zgoda/consent"
	"zgoda/event"
)

// terms are the purposes of a link and their versions, as the store keeps them:
// "analytics:1 marketing:3".
func terms(policy *consent.Policy, purposes []event.PurposeID) string {
	var b strings.Builder
	for i, id := range purposes {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(id))
		b.WriteByte(':')
		b.WriteString(strconv.FormatUint(uint64(policy.Purposes[policy.Find(id)].Version), 10))
	}
	return b.String()
}

// inForce returns the purposes that terms name, or none when a version of theirs
// is not in force any more: what was asked then is not what would be agreed to.
func inForce(policy *consent.Policy, terms string) []*consent.Purpose {
	var all []*consent.Purpose
	for field := range strings.FieldsSeq(terms) {
		id, version, _ := strings.Cut(field, ":")
		i := policy.Find(event.PurposeID(id))
		if i < 0 || version != strconv.FormatUint(uint64(policy.Purposes[i].Version), 10) {
			return nil
		}
		all = append(all, &policy.Purposes[i])
	}
	return all
}
