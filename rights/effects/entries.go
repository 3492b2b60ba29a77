package effects

import (
	"context"
	"fmt"
	"slices"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/rights"
	"zgoda/subjects"
)

// entries are what the ledger is to say of a request about the handles.
func (e *Effects) entries(ctx context.Context, r *control.Request, site event.SiteID, handles []event.Handle) (entries []ledger.Entry, err error) {
	policy := e.deps.Policies(site)
	if policy == nil {
		return nil, trouble(ClassPurpose, subjects.ErrSite)
	}
	for _, h := range handles {
		record, err := e.deps.Subjects.Record(ctx, site, h)
		if err != nil {
			return nil, fmt.Errorf("read what is in force: %w", err)
		}
		if record.State == consent.StateErased {
			return nil, trouble(ClassErased, rights.ErrNobody)
		}
		base := ledger.Entry{
			Site: site, Subject: h, Type: ledger.EventExplicit, Channel: channel(r), Actor: r.Actor, Reason: r.Reason,
			At: e.deps.Now().UTC(), Key: string(r.Right) + ":" + r.ID.String() + ":" + h.Text(event.KindUserID),
		}
		switch r.Right {
		case control.RightRestriction:
			base.State = ledger.StateRestricted
			entries = append(entries, base)
		case control.RightAutomated:
			base.State = ledger.StateAutomatedOff
			entries = append(entries, base)
		default:
			of, err := refusals(r, policy, &base, r.Site != "")
			if err != nil {
				return nil, err
			}
			entries = append(entries, of...)
		}
	}
	return entries, nil
}

// channel says how a request came to be written.
func channel(r *control.Request) string {
	if r.Origin == "self" {
		return ledger.ChannelDialogue
	}
	return ledger.ChannelOperator
}

// refusals are the purposes that are objected to, or withdrawn. Of a request about
// several sites each has those that it knows.
func refusals(r *control.Request, policy *consent.Policy, base *ledger.Entry, all bool) (entries []ledger.Entry, err error) {
	for _, id := range scope(r, policy) {
		i := policy.Find(id)
		if i < 0 && !all {
			continue
		}
		if i < 0 {
			return nil, trouble(ClassPurpose, subjects.ErrPurpose)
		}
		p := &policy.Purposes[i]
		if p.Basis == consent.BasisContract {
			return nil, trouble(ClassContract, subjects.ErrContract)
		}
		entry := *base
		entry.Purpose, entry.PurposeVersion, entry.TextHash = p.ID, p.Version, p.TextHash
		entry.Key += ":" + string(p.ID)
		entry.State = ledger.StateObjected
		if r.Right == control.RightWithdrawal && p.Basis == consent.BasisConsent {
			entry.State = ledger.StateWithdrawn // also of what events alone brought, which is on no record
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// scope are the purposes of a request: those it names, or all that the right can be
// about. An objection is about what rests on an interest and about marketing (Art.
// 21(1) and (2)), a withdrawal about what rests on consent.
func scope(r *control.Request, policy *consent.Policy) []event.PurposeID {
	if len(r.Scope) > 0 || policy == nil {
		return r.Scope
	}
	var all []event.PurposeID
	for i := range policy.Purposes {
		p := &policy.Purposes[i]
		interest := p.Basis == consent.BasisLegitimateInterest || p.Basis == consent.BasisRelated
		if r.Right == control.RightWithdrawal && p.Basis == consent.BasisConsent ||
			r.Right == control.RightObjection && (interest || p.Kind == consent.KindMarketing && p.Basis != consent.BasisContract) {
			all = append(all, p.ID)
		}
	}
	slices.Sort(all)
	return all
}
