package console_test

import (
	"net/http"
	"strings"
	"testing"

	"zgoda/console"
	"zgoda/console/consoletest"
)

// TestCertificate: the file comes byte for byte as it was signed.
func TestCertificate(t *testing.T) {
	r := consoletest.Start(t, nil)
	a := do(t, r, "GET", "/api/v1/requests/"+consoletest.Certified+"/certificate", "")
	if a.status != http.StatusOK || a.body != consoletest.Certificate || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s", a.status, a.body)
	}
	for path, status := range map[string]int{
		"r_00000000000000000000000000": http.StatusNotFound, "r_0123456789abcdefghjkmnpqrz": http.StatusUnprocessableEntity, "jana": http.StatusUnprocessableEntity,
	} {
		if a := do(t, r, "GET", "/api/v1/requests/"+path+"/certificate", ""); a.status != status {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	analyst := token(t, r, console.RoleAnalyst)
	if a := send(t, r, call{method: "GET", path: "/api/v1/requests/" + consoletest.Certified + "/certificate", token: analyst}); a.status != http.StatusForbidden {
		t.Errorf("an analyst: %d", a.status)
	}
}

// TestOpenDSRTokens: one of the role opendsr is of a site, and opens no route of the
// API.
func TestOpenDSRTokens(t *testing.T) {
	r := consoletest.Start(t, nil)
	for body, status := range map[string]int{
		`{"role":"opendsr","site":"demo","name":"acme"}`:    http.StatusCreated,
		`{"role":"opendsr","site":"nowhere"}`:               http.StatusUnprocessableEntity,
		`{"role":"opendsr"}`:                                http.StatusUnprocessableEntity,
		`{"role":"operator","site":"demo","name":"anyone"}`: http.StatusUnprocessableEntity,
	} {
		a := do(t, r, "POST", "/api/v1/tokens", body)
		if a.status != status {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
		if status != http.StatusCreated {
			continue
		}
		var out struct{ Token string }
		a.json(t, &out)
		for _, path := range []string{"/api/v1/status", "/api/v1/tokens", "/api/v1/requests/" + consoletest.Certified + "/certificate"} {
			if a := send(t, r, call{method: "GET", path: path, token: out.Token}); a.status != http.StatusForbidden {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	}
	if a := do(t, r, "GET", "/api/v1/tokens", ""); !strings.Contains(a.body, `"role":"opendsr","site":"demo"`) {
		t.Errorf("the list: %s", a.body)
	}
}
