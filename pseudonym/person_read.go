package pseudonym

import (
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyholderpb"
)

func milliOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(milli int64) time.Time {
	if milli == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milli)
}

func refOf(b []byte) (Ref, error) {
	if len(b) != len(Ref{}) {
		return Ref{}, ErrAnswer
	}
	return Ref(b), nil
}

func readListed(answer *keyholderpb.ListAnswer) ([]Listed, error) {
	var list []Listed
	for _, c := range answer.GetContact() {
		ref, err := refOf(c.GetRef())
		if err != nil || len(c.GetHandle()) != len(event.Handle{}) {
			return nil, ErrAnswer
		}
		pseudonyms, err := readPseudonyms(c.GetPseudonym())
		if err != nil {
			return nil, err
		}
		list = append(list, Listed{Handle: event.Handle(c.GetHandle()), Ref: ref, Pseudonyms: pseudonyms})
	}
	return list, nil
}

func readPseudonyms(wire []*keyholderpb.Pseudonym) ([]Pseudonym, error) {
	list := make([]Pseudonym, 0, len(wire))
	for _, p := range wire {
		if len(p.GetHandle()) != len(event.Handle{}) {
			return nil, ErrAnswer
		}
		list = append(list, Pseudonym{
			Handle: event.Handle(p.GetHandle()), Purpose: p.GetPurpose(), Period: event.Period(p.GetPeriod()),
			Version: event.KeyVersion(p.GetVersion()), Visitor: p.GetVisitor(),
		})
	}
	return list, nil
}

func readRevealed(answer *keyholderpb.RevealAnswer) Revealed {
	r := Revealed{Data: readData(answer.GetData()), Revision: answer.GetRevision()}
	for _, a := range answer.GetAttachment() {
		r.Attachments = append(r.Attachments, readAttached(a))
	}
	return r
}

func readAttached(a *keyholderpb.Attached) Attached {
	out := Attached{
		Name: a.GetName(), Type: a.GetType(), Bytes: a.GetBytes(), Source: a.GetSource(), Basis: a.GetBasis(),
		Seen: timeOf(a.GetSeen()), Complete: a.GetComplete(),
	}
	copy(out.ID[:], a.GetId())
	return out
}
