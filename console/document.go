package console

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"sort"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed document.html
var documentPage string

//go:embed document.css
var documentStyle []byte

var documentTemplate = template.Must(template.New("document").Parse(documentPage))

// documentRoutes serves the OpenAPI document and a page to read it, made from
// the document itself and needing nothing from elsewhere.
func (s *Server) documentRoutes(mux *http.ServeMux, doc *huma.OpenAPI) error {
	spec, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("write the OpenAPI document: %w", err)
	}
	page, err := renderDocument(doc)
	if err != nil {
		return err
	}
	serve := func(pattern, mediaType string, content []byte) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			_, _ = w.Write(content) // the reader has gone; nobody is left to tell
		})
	}
	serve("GET "+base+"/openapi.json", "application/openapi+json", spec)
	serve("GET "+base+"/docs", "text/html; charset=utf-8", page)
	serve("GET "+base+"/docs.css", "text/css; charset=utf-8", documentStyle)
	mux.Handle("GET /{$}", http.RedirectHandler(base+"/docs", http.StatusSeeOther))
	return nil
}

// The page's own view of the document.
type (
	pageView struct {
		Title, Version, Description string
		Routes                      []routeView
	}
	routeView struct {
		ID, Method, Path, Summary, Description string
		Parameters, Body                       []fieldView
		BodyType                               string
		Answers                                []answerView
	}
	fieldView struct {
		Name, In, Type, Doc string
		Required            bool
	}
	answerView struct {
		Status, Description string
		Fields              []fieldView
	}
)

func renderDocument(doc *huma.OpenAPI) ([]byte, error) {
	view := pageView{Title: doc.Info.Title, Version: doc.Info.Version, Description: doc.Info.Description}
	for path, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				view.Routes = append(view.Routes, viewRoute(path, op, doc.Components.Schemas))
			}
		}
	}
	sort.Slice(view.Routes, func(i, j int) bool {
		a, b := view.Routes[i], view.Routes[j]
		return a.Path < b.Path || a.Path == b.Path && a.Method < b.Method
	})
	var page bytes.Buffer
	if err := documentTemplate.Execute(&page, view); err != nil {
		return nil, fmt.Errorf("write the page of the OpenAPI document: %w", err)
	}
	return page.Bytes(), nil
}

func viewRoute(path string, op *huma.Operation, schemas huma.Registry) routeView {
	v := routeView{
		ID: op.OperationID, Method: op.Method, Path: path,
		Summary: op.Summary, Description: op.Description,
	}
	for _, p := range op.Parameters {
		v.Parameters = append(v.Parameters, fieldView{p.Name, p.In, typeName(p.Schema), p.Description, p.Required})
	}
	if op.RequestBody != nil {
		for mediaType, content := range op.RequestBody.Content {
			v.BodyType = mediaType
			v.Body = viewFields(content.Schema, schemas)
		}
	}
	for status, response := range op.Responses {
		a := answerView{Status: status, Description: response.Description}
		if content := response.Content["application/json"]; content != nil && strings.HasPrefix(status, "2") {
			a.Fields = viewFields(content.Schema, schemas)
		}
		v.Answers = append(v.Answers, a)
	}
	sort.Slice(v.Answers, func(i, j int) bool { return v.Answers[i].Status < v.Answers[j].Status })
	return v
}

func viewFields(schema *huma.Schema, schemas huma.Registry) []fieldView {
	if schema != nil && schema.Ref != "" {
		schema = schemas.SchemaFromRef(schema.Ref)
	}
	if schema == nil {
		return nil
	}
	required := map[string]bool{}
	for _, name := range schema.Required {
		required[name] = true
	}
	var fields []fieldView
	for name, s := range schema.Properties {
		fields = append(fields, fieldView{Name: name, Type: typeName(s), Doc: s.Description, Required: required[name]})
	}
	sort.Slice(fields, func(i, j int) bool { return fields[i].Name < fields[j].Name })
	return fields
}

func typeName(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case s.Type == huma.TypeArray:
		return "list of " + typeName(s.Items)
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i] = fmt.Sprint(e)
		}
		return strings.Join(words, " | ")
	default:
		return s.Type
	}
}
