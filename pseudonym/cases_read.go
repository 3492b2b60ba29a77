package pseudonym

import (
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyholderpb"
)

func columnOf[T ~[16]byte](ids []T) []byte {
	out := make([]byte, 0, len(ids)*16)
	for i := range ids {
		id := [16]byte(ids[i])
		out = append(out, id[:]...)
	}
	return out
}

func idsOf(column []byte) ([][16]byte, error) {
	if len(column)%16 != 0 {
		return nil, ErrAnswer
	}
	out := make([][16]byte, 0, len(column)/16)
	for ; len(column) > 0; column = column[16:] {
		out = append(out, [16]byte(column[:16]))
	}
	return out, nil
}

func wireCase(c *CaseOf) *keyholderpb.CaseOf {
	who := &keyholderpb.Who{}
	switch w := &c.Who; {
	case w.Ref != Ref{}:
		who.Who = &keyholderpb.Who_Ref{Ref: w.Ref[:]}
	case w.Kind != event.KindUnknown:
		who.Who = &keyholderpb.Who_Identifier{Identifier: &keyholderpb.Identifier{Kind: uint32(w.Kind), Value: []byte(w.Value)}}
	case !w.Handle.IsZero():
		who.Who = &keyholderpb.Who_Handle{Handle: w.Handle[:]}
	case len(w.Sealed) > 0:
		who.Who = &keyholderpb.Who_Sealed{Sealed: w.Sealed}
	case w.Idle != IdleName{}:
		who.Who = &keyholderpb.Who_Idle{Idle: w.Idle[:]}
	}
	return &keyholderpb.CaseOf{Id: c.ID[:], Site: string(c.Site), Who: who}
}

func wireDestroyed(d *Destroyed) *keyholderpb.Destroyed {
	out := &keyholderpb.Destroyed{Id: d.ID[:], Cutoff: milliOf(d.Cutoff), Until: milliOf(d.Until), Shared: columnOf(d.Shared)}
	for i := range d.Windows {
		w := &d.Windows[i]
		out.Window = append(out.Window, &keyholderpb.CaseWindow{Handle: w.Handle[:], From: milliOf(w.From), To: milliOf(w.To)})
	}
	return out
}

// addOpened adds an answer, or the rest of the one before.
func addOpened(opened *[]OpenedCase, first int, p *keyholderpb.OpenedCase) error {
	if len(p.GetId()) != 16 {
		return ErrAnswer
	}
	pseudonyms, err := readCasePseudonyms(p.GetPseudonym())
	if err != nil {
		return err
	}
	id := [16]byte(p.GetId())
	if n := len(*opened); n > first && (*opened)[n-1].ID == id {
		(*opened)[n-1].Pseudonyms = append((*opened)[n-1].Pseudonyms, pseudonyms...)
		return nil
	}
	*opened = append(*opened, OpenedCase{ID: id, State: CaseState(p.GetState()), Pseudonyms: pseudonyms})
	return nil
}

func readCasePseudonyms(wire []*keyholderpb.CasePseudonym) ([]CasePseudonym, error) {
	list := make([]CasePseudonym, 0, len(wire))
	for _, p := range wire {
		if len(p.GetHandle()) != len(event.Handle{}) {
			return nil, ErrAnswer
		}
		list = append(list, CasePseudonym{
			Handle: event.Handle(p.GetHandle()), Purpose: p.GetPurpose(), Period: event.Period(p.GetPeriod()),
			Version: event.KeyVersion(p.GetVersion()), Visitor: p.GetVisitor(),
		})
	}
	return list, nil
}

func readPiece(wire *keyholderpb.CasePiece) (p CasePiece, err error) {
	p = CasePiece{Site: event.SiteID(wire.GetSite()), State: CaseState(wire.GetState()), Cutoff: timeOf(wire.GetCutoff())}
	if len(wire.GetId()) != 16 && len(wire.GetHandle()) != 16 {
		return p, ErrAnswer
	}
	copy(p.ID[:], wire.GetId())
	copy(p.Handle[:], wire.GetHandle())
	if p.Pseudonyms, err = readCasePseudonyms(wire.GetPseudonym()); err != nil {
		return p, err
	}
	for _, w := range wire.GetWindow() {
		if len(w.GetHandle()) != len(event.Handle{}) {
			return p, ErrAnswer
		}
		p.Windows = append(p.Windows, CaseWindow{Handle: event.Handle(w.GetHandle()), From: timeOf(w.GetFrom()), To: timeOf(w.GetTo())})
	}
	return p, nil
}

func addSealed(sealed *[]SealedErasure, p *keyholderpb.Sealed) error {
	if len(p.GetId()) != 16 || len(p.GetEntry()) == 0 {
		return ErrAnswer
	}
	gone := time.Time{}
	if p.GetKeysGone() != 0 {
		gone = time.Unix(p.GetKeysGone(), 0)
	}
	*sealed = append(*sealed, SealedErasure{
		ID: [16]byte(p.GetId()), Entry: p.GetEntry(), At: timeOf(p.GetAt()), Until: timeOf(p.GetUntil()), KeysGone: gone,
	})
	return nil
}

func readData(wire []*keyholderpb.Datum) []Datum {
	out := make([]Datum, 0, len(wire))
	for _, d := range wire {
		out = append(out, Datum{
			ID: d.GetId(), Kind: event.IdentifierKind(d.GetKind()), Name: d.GetName(), Value: d.GetValue(),
			Source: d.GetSource(), Basis: d.GetBasis(), Seen: timeOf(d.GetSeen()),
		})
	}
	return out
}
