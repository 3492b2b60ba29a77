package console_test

import (
	"net/http"
	"strings"
	"testing"

	"zgoda/console/consoletest"
	"zgoda/event"
)

func TestForgetWaiting(t *testing.T) {
	r := consoletest.Start(t, nil)
	handle := contact(t, r, "email:"+mail)
	h, err := event.ParseHandle(handle)
	if err != nil {
		t.Fatal(err)
	}
	r.Waiting.Add(h, 3)
	r.Waiting.Add(event.Handle{7}, 5)
	path := "/api/v1/sites/demo/contacts/" + handle + "/waiting"
	for _, want := range []int{3, 0} {
		var out struct {
			Contact string
			Erased  int
		}
		a := do(t, r, "DELETE", path, "")
		a.json(t, &out)
		if a.status != http.StatusOK || out.Contact != handle || out.Erased != want {
			t.Fatalf("%d %+v, want %d", a.status, out, want)
		}
	}
	if log := r.Log.String(); !strings.Contains(log, "what waited of a contact was erased") || !strings.Contains(log, "actor=token:local") || strings.Contains(log, handle) {
		t.Fatalf("log: %s", log)
	}
	if a := do(t, r, "DELETE", "/api/v1/sites/elsewhere/contacts/"+handle+"/waiting", ""); a.status != http.StatusNotFound {
		t.Fatalf("another site: %d", a.status)
	}
	if a := do(t, r, "DELETE", "/api/v1/sites/demo/contacts/c_00000000000000000000000000/waiting", ""); a.status != http.StatusUnprocessableEntity {
		t.Fatalf("the zero handle: %d", a.status)
	}
	r.Waiting.SetAway(true)
	if a := do(t, r, "DELETE", path, ""); a.status != http.StatusServiceUnavailable {
		t.Fatalf("not now: %d", a.status)
	}
}
