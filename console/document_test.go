package console_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"zgoda/console/consoletest"
)

type document struct {
	OpenAPI string `json:"openapi"`
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]struct {
		OperationID string                     `json:"operationId"`
		Security    []map[string][]string      `json:"security"`
		Responses   map[string]json.RawMessage `json:"responses"`
		Parameters  []struct{ Name, In string }
	}
	Components struct {
		Schemas         map[string]json.RawMessage
		SecuritySchemes map[string]json.RawMessage `json:"securitySchemes"`
	}
}

func readDocument(t *testing.T, r *consoletest.Running) (document, string) {
	t.Helper()
	a := send(t, r, call{method: "GET", path: "/api/v1/openapi.json"}) // no token
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/openapi+json" {
		t.Fatalf("%d %q", a.status, a.header.Get("Content-Type"))
	}
	var doc document
	a.json(t, &doc)
	return doc, a.body
}

func TestDocument(t *testing.T) {
	doc, text := readDocument(t, consoletest.Start(t, nil))
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || doc.Info.Title == "" || doc.Info.Version == "" {
		t.Fatalf("not an OpenAPI 3.1 document: %s %+v", doc.OpenAPI, doc.Info)
	}
	ids, count := map[string]bool{}, 0
	param := regexp.MustCompile(`\{([a-z]+)\}`)
	for path, item := range doc.Paths {
		for method, op := range item {
			count++
			if op.OperationID == "" || ids[op.OperationID] {
				t.Errorf("%s %s: operation id %q", method, path, op.OperationID)
			}
			ids[op.OperationID] = true
			if len(op.Security) != 1 || len(op.Responses) < 3 {
				t.Errorf("%s %s: security %v, %d answers", method, path, op.Security, len(op.Responses))
			}
			declared := map[string]bool{}
			for _, p := range op.Parameters {
				declared[p.Name] = p.In == "path"
			}
			for _, m := range param.FindAllStringSubmatch(path, -1) {
				if !declared[m[1]] {
					t.Errorf("%s %s: parameter %s is not declared", method, path, m[1])
				}
			}
		}
	}
	for _, ref := range regexp.MustCompile(`"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(text, -1) {
		if doc.Components.Schemas[ref[1]] == nil {
			t.Errorf("the schema %s is not there", ref[1])
		}
	}
	if count != len(routes) {
		t.Errorf("%d operations, want %d", count, len(routes))
	}
	if doc.Components.SecuritySchemes["bearer"] == nil {
		t.Error("no security scheme")
	}
}

// TestDocumentListsEveryRoute compares the document with the routes that the
// tests of rights call, which answer other than 404.
func TestDocumentListsEveryRoute(t *testing.T) {
	r := consoletest.Start(t, nil)
	doc, _ := readDocument(t, r)
	for _, route := range routes {
		path := route.path
		for from, to := range map[string]string{"/sites/demo": "/sites/{site}", someContact: "{contact}", someRequest: "{request}", "consents/profiling": "consents/{purpose}", "consents/analytics": "consents/{purpose}", "tokens/t1": "tokens/{token}", "reveals/00000000000000000000000000000009": "reveals/{reveal}"} {
			path = strings.Replace(path, from, to, 1)
		}
		if _, ok := doc.Paths[path][strings.ToLower(route.method)]; !ok {
			t.Errorf("%s %s is not in the document", route.method, path)
		}
	}
}

func TestDocsPage(t *testing.T) {
	r := consoletest.Start(t, nil)
	a := send(t, r, call{method: "GET", path: "/api/v1/docs"})
	if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Fatalf("%d %q", a.status, a.header.Get("Content-Type"))
	}
	for _, want := range []string{"POST /api/v1/sites/{site}/contacts:find", "enforced_after_seconds", "<code>identifier</code>", `lang="en"`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	// Offline: nothing is fetched from elsewhere, and no script runs.
	if strings.Contains(a.body, "<script") || regexp.MustCompile(`(src|href)="(https?:)?//`).MatchString(a.body) {
		t.Error("the page fetches from elsewhere")
	}
	for _, m := range regexp.MustCompile(`href="(/[^"]+)"`).FindAllStringSubmatch(a.body, -1) {
		if got := send(t, r, call{method: "GET", path: m[1]}); got.status != http.StatusOK {
			t.Errorf("%s answered %d", m[1], got.status)
		}
	}
}
