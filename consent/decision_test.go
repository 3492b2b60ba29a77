package consent

import (
	"testing"

	"zgoda/event"
)

// sentence is one of the rules: what is said, of whom, and what comes of it.
type sentence struct {
	name    string
	signals *Signals
	subject Subject
	purpose int
	want    Outcome
	by      Source
	holder  Holder
}

func decide(t *testing.T, p *Policy, cases []sentence) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := Decide(p, c.signals, c.subject)
			got := d.Verdict(c.purpose)
			if got.Outcome != c.want || got.By != c.by || got.Holder != c.holder {
				t.Fatalf("got %v by %v for %v, want %v by %v for %v", got.Outcome, got.By, got.Holder, c.want, c.by, c.holder)
			}
		})
	}
}

// What is on record of somebody, or is not.
func TestDecideByWhatIsOnRecord(t *testing.T) {
	p := testPolicy()
	nothing := &Record{}
	grants := stating(p, SourceRequest, Granted)
	decide(t, p, []sentence{
		{"nothing said denies consent", &Signals{}, Subject{Visitor: nothing}, profiling, Deny, SourceDefault, HolderNobody},
		{"nothing said leaves an interest", &Signals{}, Subject{Visitor: nothing}, interest, Allow, SourceBasis, HolderVisitor},
		{"nothing said leaves measurement", &Signals{}, Subject{}, measurement, Allow, SourceBasis, HolderNobody},
		{"signals not read refuse", nil, Subject{Visitor: holding(p, given())}, analytics, Deny, SourceUnreadable, HolderNobody},
		{"signals not read leave measurement", nil, Subject{}, measurement, Allow, SourceBasis, HolderNobody},
		{"erased contact denies measurement", grants, Subject{Contact: &Record{State: StateErased}}, measurement, Deny, SourceErased, HolderNobody},
		{"restricted visitor denies", grants, Subject{Visitor: &Record{State: StateRestricted}}, measurement, Deny, SourceRestricted, HolderNobody},
		{"unknown state denies", grants, Subject{Visitor: &Record{State: 9}}, measurement, Deny, SourceRestricted, HolderNobody},
		{"second contact erased denies", grants, Subject{Second: &Record{State: StateErased}}, measurement, Deny, SourceErased, HolderNobody},
		{"erased is told before restricted", grants, Subject{Visitor: &Record{State: StateRestricted}, Contact: &Record{State: StateErased}}, analytics, Deny, SourceErased, HolderNobody},
		{"switch beats the ledger", &Signals{}, Subject{Contact: switched(p)}, profiling, Deny, SourceSwitch, HolderNobody},
		{"switch leaves analytics", &Signals{}, Subject{Contact: switched(p)}, analytics, Allow, SourceLedger, HolderContact},
		{"contact's switch covers the visitor", grants, Subject{Visitor: nothing, Contact: &Record{ProfilingOff: true}, Speaks: SpeaksForVisitor}, profiling, Deny, SourceSwitch, HolderNobody},
		{"second contact's switch", grants, Subject{Visitor: nothing, Second: &Record{ProfilingOff: true}, Speaks: SpeaksForVisitor}, profiling, Deny, SourceSwitch, HolderNobody},
		{"withdrawal beats a grant in the request", grants, Subject{Visitor: holding(p, Held{Choice: ChoiceWithdrawn}), Speaks: SpeaksForVisitor}, analytics, Deny, SourceLedger, HolderNobody},
		{"contact's refusal beats the visitor's grant", grants, Subject{Visitor: holding(p, given()), Contact: holding(p, Held{Choice: ChoiceRefused}), Speaks: SpeaksForVisitor}, analytics, Deny, SourceLedger, HolderNobody},
		{"objection ends an interest", &Signals{}, Subject{Visitor: holding(p, Held{Choice: ChoiceObjected})}, interest, Deny, SourceLedger, HolderNobody},
		{"objection ends measurement", &Signals{}, Subject{Visitor: holding(p, Held{Choice: ChoiceObjected})}, measurement, Deny, SourceLedger, HolderNobody},
		{"unknown choice refuses", &Signals{}, Subject{Visitor: holding(p, Held{Choice: 9})}, measurement, Deny, SourceLedger, HolderNobody},
		{"refusal of an old version refuses", &Signals{}, Subject{Visitor: holding(p, Held{Choice: ChoiceRefused, Version: 1})}, interest, Deny, SourceLedger, HolderNobody},
	})
}

// What a request refuses, or says so that it cannot be read.
func TestDecideByWhatIsRefused(t *testing.T) {
	p := testPolicy()
	nothing := &Record{}
	gpcAndGrant := stating(p, SourceRequest, Granted)
	gpcAndGrant.GPC = Present
	dntAndGrant := stating(p, SourceRequest, Granted)
	dntAndGrant.DNT = Present
	brokenAndGrant := stating(p, SourceRequest, Granted)
	brokenAndGrant.Add(SourceSegment).Broken = true
	brokenGrant := stating(p, SourceRequest, Granted)
	brokenGrant.Statements[0].Broken = true
	decide(t, p, []sentence{
		{"GPC refuses profiling", gpcAndGrant, Subject{Visitor: holding(p, given()), Speaks: SpeaksForVisitor}, profiling, Deny, SourceGPC, HolderNobody},
		{"GPC refuses marketing", gpcAndGrant, Subject{Visitor: nothing, Speaks: SpeaksForVisitor}, marketing, Deny, SourceGPC, HolderNobody},
		{"GPC refuses sharing", gpcAndGrant, Subject{Visitor: nothing, Speaks: SpeaksForVisitor}, sharing, Deny, SourceGPC, HolderNobody},
		{"GPC leaves analytics", gpcAndGrant, Subject{Visitor: nothing, Speaks: SpeaksForVisitor}, analytics, Allow, SourceRequest, HolderVisitor},
		{"GPC objects to an interest", gpcAndGrant, Subject{Visitor: nothing, Speaks: SpeaksForVisitor}, interest, Deny, SourceGPC, HolderNobody},
		{"GPC leaves measurement", gpcAndGrant, Subject{Visitor: nothing}, measurement, Allow, SourceBasis, HolderVisitor},
		{"DNT refuses analytics", dntAndGrant, Subject{Visitor: nothing, Speaks: SpeaksForVisitor}, analytics, Deny, SourceDNT, HolderNobody},
		{"DNT leaves measurement", dntAndGrant, Subject{Visitor: nothing}, measurement, Allow, SourceBasis, HolderVisitor},
		{"a refusal in the request beats the ledger", stating(p, SourceSegment, Refused), Subject{Contact: holding(p, given())}, analytics, Deny, SourceSegment, HolderNobody},
		{"nobody speaks but may refuse", stating(p, SourceRequest, Refused), Subject{Visitor: nothing}, measurement, Deny, SourceRequest, HolderNobody},
		{"unreadable refuses what is on record", brokenAndGrant, Subject{Visitor: holding(p, given())}, analytics, Deny, SourceUnreadable, HolderNobody},
		{"unreadable refuses an interest", brokenAndGrant, Subject{Visitor: nothing}, interest, Deny, SourceUnreadable, HolderNobody},
		{"unreadable leaves measurement", brokenAndGrant, Subject{Visitor: nothing}, measurement, Allow, SourceBasis, HolderVisitor},
		{"one unreadable reading refuses", stating(p, SourceSegment, Unreadable), Subject{Visitor: holding(p, given())}, analytics, Deny, SourceUnreadable, HolderNobody},
		{"a broken statement grants nothing", brokenGrant, Subject{Visitor: nothing, Speaks: SpeaksForVisitor}, analytics, Deny, SourceUnreadable, HolderNobody},
	})
}

// Who may grant for whom, and what a grant covers.
func TestDecideByWhatIsGranted(t *testing.T) {
	p := testPolicy()
	nothing := &Record{}
	grants := stating(p, SourceRequest, Granted)
	gpcAndGrant := stating(p, SourceRequest, Granted)
	gpcAndGrant.GPC = Present
	decide(t, p, []sentence{
		{"visitor's own grant", grants, Subject{Visitor: nothing, Speaks: SpeaksForVisitor}, profiling, Allow, SourceRequest, HolderVisitor},
		{"a grant for nobody", grants, Subject{Visitor: nothing}, profiling, Deny, SourceDefault, HolderNobody},
		{"a grant for a visitor who is not there", grants, Subject{Speaks: SpeaksForVisitor}, profiling, Deny, SourceDefault, HolderNobody},
		{"the server states for its contact", grants, Subject{Contact: nothing, Speaks: SpeaksForContact, Server: true}, profiling, Allow, SourceRequest, HolderContact},
		{"a grant for a contact who is not there", grants, Subject{Visitor: nothing, Speaks: SpeaksForContact, Server: true}, profiling, Deny, SourceDefault, HolderNobody},
		{"a cookie never grants for a contact", stating(p, SourceCookie, Granted), Subject{Contact: nothing, Speaks: SpeaksForContact, Server: true}, profiling, Deny, SourceDefault, HolderNobody},
		{"a cookie grants for its visitor", stating(p, SourceCookie, Granted), Subject{Visitor: nothing, Speaks: SpeaksForVisitor}, profiling, Allow, SourceCookie, HolderVisitor},
		{"a statement of the ledger's name grants nothing", stating(p, SourceLedger, Granted), Subject{Visitor: nothing, Speaks: SpeaksForVisitor}, profiling, Deny, SourceDefault, HolderNobody},
		{"a server never inherits the visitor's ledger", &Signals{}, Subject{Visitor: holding(p, given()), Contact: nothing, Server: true}, profiling, Deny, SourceDefault, HolderNobody},
		{"a server never inherits the visitor's request", grants, Subject{Visitor: nothing, Contact: nothing, Speaks: SpeaksForVisitor, Server: true}, profiling, Deny, SourceDefault, HolderNobody},
		{"a server's event of a visitor alone", &Signals{}, Subject{Visitor: holding(p, given()), Server: true}, profiling, Allow, SourceLedger, HolderVisitor},
		{"a browser's event uses the visitor's ledger", &Signals{}, Subject{Visitor: holding(p, given()), Contact: nothing}, profiling, Allow, SourceLedger, HolderVisitor},
		{"the contact holds before the visitor", &Signals{}, Subject{Visitor: holding(p, given()), Contact: holding(p, given())}, profiling, Allow, SourceLedger, HolderContact},
		{"a second contact grants nothing", &Signals{}, Subject{Visitor: nothing, Second: holding(p, given())}, profiling, Deny, SourceDefault, HolderNobody},
		{"an old version asks again", &Signals{}, Subject{Visitor: holding(p, Held{Choice: ChoiceGiven, Version: version - 1})}, profiling, Deny, SourceDefault, HolderNobody},
		{"a newer version is not this one", &Signals{}, Subject{Visitor: holding(p, Held{Choice: ChoiceGiven, Version: version + 1})}, profiling, Deny, SourceDefault, HolderNobody},
		{"related follows what it relates to", grants, Subject{Visitor: nothing, Speaks: SpeaksForVisitor}, related, Allow, SourceBasis, HolderVisitor},
		{"related falls with what it relates to", gpcAndGrant, Subject{Visitor: nothing, Speaks: SpeaksForVisitor}, related, Deny, SourceGPC, HolderNobody},
		{"related needs what it relates to", &Signals{}, Subject{Visitor: nothing}, related, Deny, SourceDefault, HolderNobody},
		{"no origin leaves measurement", grants, Subject{Visitor: nothing, Speaks: SpeaksForVisitor, NoOrigin: true}, measurement, Allow, SourceBasis, HolderVisitor},
		{"no origin denies the rest", grants, Subject{Visitor: holding(p, given()), Speaks: SpeaksForVisitor, NoOrigin: true}, analytics, Deny, SourceNoOrigin, HolderNobody},
	})
}

func switched(p *Policy) *Record {
	r := holding(p, given())
	r.ProfilingOff = true
	return r
}

// What asks is beaten only by a grant on record, in our dialogue, with the same
// signal present, of one who may hold the event.
func TestAsk(t *testing.T) {
	p := testPolicy()
	p.Purposes[profiling].GPC, p.Purposes[profiling].DNT = ReachAsk, ReachAsk
	held := func(dialogue, gpc, dnt bool) *Record {
		return holding(p, Held{Choice: ChoiceGiven, Version: version, Dialogue: dialogue, GPC: gpc, DNT: dnt})
	}
	both := held(true, true, true)
	cases := []struct {
		name     string
		gpc, dnt Presence
		subject  Subject
		want     Outcome
		by       Source
	}{
		{"GPC beaten", Present, Absent, Subject{Visitor: held(true, true, false)}, Allow, SourceLedger},
		{"not in the dialogue", Present, Absent, Subject{Visitor: held(false, true, true)}, Deny, SourceGPC},
		{"GPC was not present", Present, Absent, Subject{Visitor: held(true, false, true)}, Deny, SourceGPC},
		{"DNT beaten", Absent, Present, Subject{Visitor: held(true, false, true)}, Allow, SourceLedger},
		{"DNT was not present", Absent, Present, Subject{Visitor: held(true, true, false)}, Deny, SourceDNT},
		{"both beaten", Present, Present, Subject{Visitor: both}, Allow, SourceLedger},
		{"one of both beaten", Present, Present, Subject{Visitor: held(true, true, false)}, Deny, SourceDNT},
		{"each beaten by another's", Present, Present, Subject{Visitor: held(true, true, false), Contact: held(true, false, true)}, Deny, SourceGPC},
		{"the visitor's does not count for a server", Present, Absent, Subject{Visitor: both, Contact: &Record{}, Server: true}, Deny, SourceGPC},
		{"a second contact's does not count", Present, Absent, Subject{Visitor: &Record{}, Second: both}, Deny, SourceGPC},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			signals := stating(p, SourceRequest, Granted) // never enough
			signals.GPC, signals.DNT = c.gpc, c.dnt
			c.subject.Speaks = SpeaksForVisitor
			d := Decide(p, signals, c.subject)
			if v := d.Verdict(profiling); v.Outcome != c.want || v.By != c.by {
				t.Fatalf("got %v by %v, want %v by %v", v.Outcome, v.By, c.want, c.by)
			}
		})
	}
}

// A grant that does not beat the signal must not lend its holder's name.
func TestAskHolder(t *testing.T) {
	p := testPolicy()
	p.Purposes[profiling].GPC = ReachAsk
	d := Decide(p, &Signals{GPC: Present}, Subject{
		Contact: holding(p, given()),
		Visitor: holding(p, Held{Choice: ChoiceGiven, Version: version, Dialogue: true, GPC: true}),
	})
	if v := d.Verdict(profiling); v.Outcome != Allow || v.Holder != HolderVisitor {
		t.Fatalf("got %v for %v, want allow for the visitor", v.Outcome, v.Holder)
	}
}

func TestRelatedIsNeverStretched(t *testing.T) {
	cases := map[string]func(p *Policy){
		"no test":         func(p *Policy) { p.Purposes[related].Compatible = false },
		"not named":       func(p *Policy) { p.Purposes[related].Named = false },
		"to nothing":      func(p *Policy) { p.Purposes[related].Related = "none" },
		"to itself":       func(p *Policy) { p.Purposes[related].Related = "related" },
		"more identity":   func(p *Policy) { p.Purposes[related].Kind, p.Purposes[related].Related = KindProfiling, "analytics" },
		"to measurement":  func(p *Policy) { p.Purposes[related].Related = "measurement" },
		"no basis at all": func(p *Policy) { p.Purposes[related].Basis = BasisUnknown },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			p := testPolicy()
			change(p)
			d := Decide(p, stating(p, SourceRequest, Granted), Subject{Visitor: &Record{}, Speaks: SpeaksForVisitor})
			if v := d.Verdict(related); v.Outcome != Deny {
				t.Fatalf("allowed by %v", v.By)
			}
		})
	}
}

func TestInterestNeverCarriesPersons(t *testing.T) {
	for _, kind := range []Kind{KindUnknown, KindProfiling, KindMarketing, KindSharing, KindSharing + 1} {
		p := &Policy{Purposes: []Purpose{{ID: "x", Kind: kind, Basis: BasisLegitimateInterest, GPC: ReachIgnore, DNT: ReachIgnore}}}
		d := Decide(p, stating(p, SourceRequest, Granted), Subject{Visitor: &Record{}, Speaks: SpeaksForVisitor})
		if d.Verdict(0).Outcome != Deny {
			t.Errorf("kind %v was allowed", kind)
		}
	}
}

func TestZeroValuesDeny(t *testing.T) {
	var zero Decision
	if zero.Verdict(0) != (Verdict{}) || zero.Policy() != nil {
		t.Error("the zero decision says something")
	}
	if _, ok := zero.Permit(testIdentities()); ok {
		t.Error("the zero decision permits")
	}
	d := Decide(nil, &Signals{}, Subject{})
	if _, ok := d.Permit(testIdentities()); ok {
		t.Error("no policy permits")
	}
	empty := &Policy{Purposes: make([]Purpose, event.MaxPurposes+8)}
	d = Decide(empty, stating(testPolicy(), SourceRequest, Granted), Subject{Visitor: &Record{}, Speaks: SpeaksForVisitor})
	for i := -1; i <= len(empty.Purposes); i++ {
		if d.Verdict(i).Outcome != Deny {
			t.Errorf("zero purpose %d was allowed", i)
		}
	}
	if Outcome(0) != Deny || (Verdict{}).Outcome != Deny {
		t.Error("deny is not zero")
	}
}

func TestBitOutOfRangeDenies(t *testing.T) {
	p := testPolicy()
	p.Purposes[measurement].Bit = event.MaxPurposes
	d := Decide(p, &Signals{}, Subject{Visitor: &Record{}})
	if d.Verdict(measurement).Outcome != Deny {
		t.Fatal("allowed")
	}
	Explain(p, &Signals{}, Subject{Visitor: &Record{}}) // must not fail either
}

func TestDecideDoesNotAllocate(t *testing.T) {
	p := testPolicy()
	signals := stating(p, SourceRequest, Granted)
	signals.GPC = Present
	subject := Subject{Visitor: holding(p, given()), Contact: &Record{}, Speaks: SpeaksForVisitor}
	ids := testIdentities()
	buf := make([]byte, 0, 1024)
	six := sixSignals(testPolicy())
	if n := testing.AllocsPerRun(100, func() {
		Decide(p, six, subject)
		d := Decide(p, signals, subject)
		if _, ok := d.Permit(ids); !ok {
			t.Error("not permitted")
		}
		buf = d.AppendHeader(buf[:0], true, signals)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// The choice in our cookie ends with the grant that was given with it; what another
// tool says today does not.
func TestCookieEndsWithItsGrant(t *testing.T) {
	p := testPolicy()
	held := given()
	held.Until = today
	for _, c := range []struct {
		source Source
		today  Day
		want   Outcome
	}{{SourceCookie, today - 1, Allow}, {SourceCookie, today, Deny}, {SourceCookie, 0, Deny}, {SourceSegment, today, Allow}} {
		s := Subject{Visitor: holding(p, held), Speaks: SpeaksForVisitor, Today: c.today}
		d := Decide(p, stating(p, c.source, Granted), s)
		if got := d.Verdict(analytics); got.Outcome != c.want {
			t.Errorf("%s on %s: %v by %v", c.source, c.today, got.Outcome, got.By)
		}
	}
	// As the ledger has it once the end is noted there, and not where nothing was ever said.
	for noted, want := range map[Held]Outcome{{Version: version}: Deny, {Version: version - 1}: Deny, {}: Allow} {
		d := Decide(p, stating(p, SourceCookie, Granted), Subject{Visitor: holding(p, noted), Speaks: SpeaksForVisitor, Today: today})
		if got := d.Verdict(analytics); got.Outcome != want {
			t.Errorf("%+v: %v by %v", noted, got.Outcome, got.By)
		}
	}
	trace := Explain(p, stating(p, SourceCookie, Granted), Subject{Visitor: holding(p, held), Speaks: SpeaksForVisitor, Today: today})
	inputs := trace.Purposes[analytics].Inputs
	if inputs[0].Note != "ended on 2024-10-04, so it must be asked again" || inputs[1].Note != "the grant that was given with it has ended" {
		t.Errorf("explained as %+v", inputs)
	}
}

// What a contract needs is not objected to, whoever says so and however; it still
// ends with the person's restriction and erasure, and carries nothing but counting.
func TestContractIsNotObjectedTo(t *testing.T) {
	p := testPolicy()
	everything := stating(p, SourceRequest, Refused)
	everything.GPC, everything.DNT = Present, Present
	for choice := ChoiceUnset; choice <= ChoiceObjected; choice++ {
		r := holding(p, Held{Choice: choice, Version: version})
		r.OptOut, r.ProfilingOff = true, true
		d := Decide(p, everything, Subject{Visitor: r, Contact: r, Second: r})
		if v := d.Verdict(contract); v.Outcome != Allow || v.By != SourceBasis {
			t.Errorf("%v: %v by %v", choice, v.Outcome, v.By)
		}
		if d.Verdict(measurement).Outcome == Allow {
			t.Errorf("%v: a legitimate interest outlives its refusal", choice)
		}
		if r.Denies(&p.Purposes[contract], 0) {
			t.Errorf("%v: denied before it is shipped", choice)
		}
		for _, state := range []State{StateRestricted, StateErased} {
			r.State = state
			if d := Decide(p, &Signals{}, Subject{Contact: r}); d.Verdict(contract).Outcome == Allow || !r.Denies(&p.Purposes[contract], 0) {
				t.Errorf("allowed about somebody who is %v", state)
			}
		}
	}
	for kind := KindAnalytics; kind <= KindSharing; kind++ {
		p.Purposes[contract].Kind = kind
		if d := Decide(p, &Signals{}, Subject{Contact: &Record{}}); d.Verdict(contract).Outcome == Allow {
			t.Errorf("a contract carries %v", kind)
		}
	}
}

// Special data need an explicit grant beside the contract, and a signal that refuses
// leaves no more of it than one that asks.
func TestSpecialDataBesideAContract(t *testing.T) {
	p := testPolicy()
	p.Purposes[contract].Special = true
	for _, c := range []struct {
		reach Reach
		held  Held
		want  Outcome
	}{
		{ReachRefuse, Held{}, Deny},
		{ReachRefuse, given(), Deny},
		{ReachAsk, given(), Deny},
		{ReachIgnore, given(), Allow},
		{ReachRefuse, Held{Choice: ChoiceGiven, Version: version, Dialogue: true, GPC: true}, Allow},
		{ReachAsk, Held{Choice: ChoiceGiven, Version: version, Dialogue: true, GPC: true}, Allow},
	} {
		p.Purposes[contract].GPC = c.reach
		d := Decide(p, &Signals{GPC: Present}, Subject{Contact: holding(p, c.held), Speaks: SpeaksForContact, Class: ClassSpecial})
		if v := d.Verdict(contract); v.Outcome != c.want {
			t.Errorf("%v, held %+v: %v by %v", c.reach, c.held, v.Outcome, v.By)
		}
	}
}
