package record

import (
	"bytes"
	"errors"
	"testing"

	"zgoda/event"
)

// viewed makes a record of what a view says.
func viewed(v *View) Record {
	var r Record
	v.Fixed(&r)
	var all [texts]string
	for i := range all {
		all[i] = string(v.Text(Text(i)))
	}
	r.setTexts(&all)
	return r
}

func TestView(t *testing.T) {
	for scope := event.ScopeNone; scope <= event.ScopePerson; scope++ {
		want := testRecord(t, scope)
		var v View
		if err := v.Read(Append(nil, &want)); err != nil || viewed(&v) != want {
			t.Fatalf("%v: %v\ngot  %+v\nwant %+v", scope, err, viewed(&v), want)
		}
		key, site := v.Key()
		if string(key[:site]) != string(want.Site) || string(key[site:]) != want.MessageID {
			t.Fatalf("key %q, site %d", key, site)
		}
	}
}

func TestViewNames(t *testing.T) {
	r := Record{Site: "site", MessageID: "id", PageHost: "host", RefPath: "ref", SourceTag: "tag", Properties: "{}", DecidedBy: "by"}
	r.Campaign.Content, r.Browser, r.Country = "content", "browser", "SK"
	var v View
	if err := v.Read(Append(nil, &r)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[Text]string{
		TextSite: "site", TextMessageID: "id", TextName: "", TextPageHost: "host", TextRefPath: "ref", TextCampaignContent: "content",
		TextBrowser: "browser", TextCountry: "SK", TextSourceTag: "tag", TextProperties: "{}", TextDecidedBy: "by",
	} {
		if got := string(v.Text(name)); got != want {
			t.Errorf("text %d: %q, want %q", name, got, want)
		}
	}
}

func TestViewAllocs(t *testing.T) {
	r := testRecord(t, event.ScopePerson)
	b := Append(nil, &r)
	var v View
	var out Record
	if n := testing.AllocsPerRun(100, func() {
		if err := v.Read(b); err != nil {
			t.Error(err)
		}
		v.Fixed(&out)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A view accepts what Decode accepts, says the same of it, and refuses for the
// same reason.
func FuzzView(f *testing.F) {
	r := testRecord(f, event.ScopePerson)
	good := Append(nil, &r)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(append(bytes.Clone(good), 0))
	f.Add(append(bytes.Clone(good[:fixedSize]), 0x84, 0))
	f.Add(append(bytes.Clone(good[:fixedSize]), bytes.Repeat([]byte{0xff}, 40)...))
	f.Add(append(bytes.Clone(good[:fixedSize]), bytes.Repeat([]byte{0x80, 0x80, 0x80, 0x80, 4}, texts)...))
	f.Add(make([]byte, fixedSize+texts))
	f.Fuzz(func(t *testing.T, b []byte) {
		want, wanted := Decode(b)
		var v View
		err := v.Read(b)
		if !errors.Is(err, wanted) {
			t.Fatalf("%v, want %v", err, wanted)
		}
		if err == nil && viewed(&v) != want {
			t.Fatalf("got %+v, want %+v", viewed(&v), want)
		}
	})
}

func BenchmarkView(b *testing.B) {
	r := testRecord(b, event.ScopePerson)
	buf := Append(nil, &r)
	var v View
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}
