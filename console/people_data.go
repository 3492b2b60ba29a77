package console

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/event"
	"zgoda/pseudonym"
)

// maxData bounds a body of data: the keyholder takes them in one message.
const maxData = 256 << 10

func (s *Server) dataRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "reveal-contact", Method: http.MethodPost, Path: "/sites/{site}/contacts:reveal",
		Tags: []string{"contacts", "data"}, Summary: "Show what is kept of a contact",
		Description: "Identifiers, traits and documents, each with where it is from. Recorded with its reason. Above a limit it is answered with 202 and an approval's id: when a second person has approved it, it is asked for again with that id.",
		Errors:      []int{http.StatusNotFound},
	}, operators), s.revealContact)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "put-data", Method: http.MethodPost, Path: "/sites/{site}/contacts:put", MaxBodyBytes: maxData,
		Tags: []string{"contacts", "data"}, Summary: "Add and correct data of a contact",
		Description: "A datum with an id takes the place of that one. An identifier leads to the contact from then on, and one that was corrected does not any more. All of it is done, or nothing; at most 256 KiB at one time.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, operators), s.putData)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "remove-data", Method: http.MethodPost, Path: "/sites/{site}/contacts:remove",
		Tags: []string{"contacts", "data"}, Summary: "Take data and documents of a contact away",
		Description: "An identifier that is taken away does not lead to the contact any more; the last one that does stays.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, operators), s.removeData)
}

// DatumBody is one identifier or trait.
type DatumBody struct {
	ID     int64     `json:"id,omitempty" doc:"left out: a new one"`
	Kind   string    `json:"kind,omitempty" enum:"user_id,email,phone,customer_id" doc:"of an identifier"`
	Name   string    `json:"name,omitempty" maxLength:"64" doc:"of a trait"`
	Value  string    `json:"value" minLength:"1" maxLength:"4096"`
	Source string    `json:"source" minLength:"1" maxLength:"128" doc:"where it is from"`
	Basis  string    `json:"basis,omitempty" maxLength:"64" doc:"what it is kept for"`
	Seen   time.Time `json:"seen,omitzero" doc:"when it was learnt; left out: now"`
}

// read makes a datum of it.
func (b *DatumBody) read(at int) (pseudonym.Datum, error) {
	field := fmt.Sprintf("body.data[%d]", at)
	d := pseudonym.Datum{ID: b.ID, Name: b.Name, Value: b.Value, Source: b.Source, Basis: b.Basis, Seen: b.Seen}
	if (b.Kind == "") == (b.Name == "") {
		return d, wrong(field, "has a kind or a name, and not both")
	}
	if b.Kind == "" {
		return d, nil
	}
	kind, _, err := event.ParseIdentifier(b.Kind + ":" + b.Value)
	if err != nil || kind == event.KindVisitor {
		return d, wrong(field, "cannot be read as its kind")
	}
	d.Kind = kind
	return d, nil
}

func datumBody(d *pseudonym.Datum) DatumBody {
	b := DatumBody{ID: d.ID, Name: d.Name, Value: d.Value, Source: d.Source, Basis: d.Basis, Seen: d.Seen.UTC()}
	if d.Kind != event.KindUnknown {
		b.Kind = d.Kind.String()
	}
	return b
}

// DocumentBody is what is known of a document.
type DocumentBody struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Type     string    `json:"type" doc:"its media type"`
	Bytes    int64     `json:"bytes"`
	Source   string    `json:"source"`
	Basis    string    `json:"basis,omitempty"`
	Seen     time.Time `json:"seen"`
	Complete bool      `json:"complete" doc:"false: it was never received whole"`
}

func documentBody(a *pseudonym.Attached) DocumentBody {
	return DocumentBody{
		ID: hex.EncodeToString(a.ID[:]), Name: a.Name, Type: a.Type, Bytes: a.Bytes,
		Source: a.Source, Basis: a.Basis, Seen: a.Seen.UTC(), Complete: a.Complete,
	}
}

type revealInput struct {
	SitePath
	Body struct {
		PersonBody
		ReasonBody
		Approval string `json:"approval,omitempty" pattern:"^[0-9a-f]{32}$" doc:"of an answer 202, when a second person has approved"`
	}
}

type revealOutput struct {
	Status int
	Body   struct {
		Contact   string         `json:"contact"`
		Revision  uint64         `json:"revision,omitempty" doc:"for put and remove, so that nobody's change is overwritten"`
		Data      []DatumBody    `json:"data,omitempty"`
		Documents []DocumentBody `json:"documents,omitempty"`
		Approval  string         `json:"approval,omitempty" doc:"a second person has to approve this; nothing else is here then"`
	}
}

func (s *Server) revealContact(ctx context.Context, in *revealInput) (*revealOutput, error) {
	approval, err := hex.DecodeString(in.Body.Approval)
	if err != nil {
		return nil, wrong("body.approval", "expected 32 hexadecimal digits")
	}
	ctx = because(ctx, in.Body.Reason)
	w, err := s.find(ctx, in.Site, in.Body.PersonBody)
	if err != nil {
		return nil, err
	}
	out := &revealOutput{Status: http.StatusOK}
	out.Body.Contact = w.name()
	revealed, err := s.deps.People.Reveal(ctx, w.ref, approval)
	if needed, waits := pseudonym.IsApprovalNeeded(err); waits {
		out.Status, out.Body.Approval = http.StatusAccepted, hex.EncodeToString(needed)
		return out, nil
	}
	if err != nil {
		return nil, s.peopleFailed(ctx, "reveal the contact", err)
	}
	out.Body.Revision = revealed.Revision
	for i := range revealed.Data {
		out.Body.Data = append(out.Body.Data, datumBody(&revealed.Data[i]))
	}
	for i := range revealed.Attachments {
		out.Body.Documents = append(out.Body.Documents, documentBody(&revealed.Attachments[i]))
	}
	return out, nil
}

type putInput struct {
	SitePath
	Body struct {
		PersonBody
		Reason   string      `json:"reason,omitempty" maxLength:"200"`
		Revision uint64      `json:"revision,omitempty" doc:"of what was shown; left out: whatever there is"`
		Data     []DatumBody `json:"data" minItems:"1" maxItems:"1000"`
	}
}

type changedOutput struct {
	Body struct {
		Contact  string  `json:"contact"`
		IDs      []int64 `json:"ids,omitempty" doc:"of the data, in their order"`
		Revision uint64  `json:"revision"`
	}
}

func (s *Server) putData(ctx context.Context, in *putInput) (*changedOutput, error) {
	data := make([]pseudonym.Datum, len(in.Body.Data))
	for i := range in.Body.Data {
		var err error
		if data[i], err = in.Body.Data[i].read(i); err != nil {
			return nil, err
		}
	}
	ctx = because(ctx, in.Body.Reason)
	w, err := s.find(ctx, in.Site, in.Body.PersonBody)
	if err != nil {
		return nil, err
	}
	out := &changedOutput{}
	out.Body.Contact = w.name()
	if out.Body.IDs, out.Body.Revision, err = s.deps.People.Put(ctx, w.ref, event.SiteID(in.Site), data, in.Body.Revision); err != nil {
		return nil, s.peopleFailed(ctx, "put the data", err)
	}
	s.heed(ctx, event.SiteID(in.Site), data)
	return out, nil
}

// heed has this node look the identifiers up anew: what it has in memory of one
// that led to nobody is not true any more.
func (s *Server) heed(ctx context.Context, site event.SiteID, data []pseudonym.Datum) {
	for i := range data {
		if data[i].Kind == event.KindUnknown {
			continue
		}
		if _, _, err := s.deps.Directory.Find(context.WithoutCancel(ctx), site, data[i].Kind, data[i].Value); err != nil {
			s.log.Warn("an identifier that was put counts when this node's entry of it expires", "error", err)
			return
		}
	}
}

type removeInput struct {
	SitePath
	Body struct {
		PersonBody
		Reason    string   `json:"reason,omitempty" maxLength:"200"`
		Revision  uint64   `json:"revision,omitempty"`
		IDs       []int64  `json:"ids,omitempty" maxItems:"1000" doc:"of data"`
		Documents []string `json:"documents,omitempty" maxItems:"1000" doc:"ids of documents"`
	}
}

func (s *Server) removeData(ctx context.Context, in *removeInput) (*changedOutput, error) {
	if len(in.Body.IDs)+len(in.Body.Documents) == 0 {
		return nil, wrong("body", "names data or documents")
	}
	documents := make([][16]byte, len(in.Body.Documents))
	for i, text := range in.Body.Documents {
		var err error
		if documents[i], err = readDocument("body.documents", text); err != nil {
			return nil, err
		}
	}
	ctx = because(ctx, in.Body.Reason)
	w, err := s.find(ctx, in.Site, in.Body.PersonBody)
	if err != nil {
		return nil, err
	}
	out := &changedOutput{}
	out.Body.Contact = w.name()
	if out.Body.Revision, err = s.deps.People.Remove(ctx, w.ref, in.Body.IDs, documents, in.Body.Revision); err != nil {
		return nil, s.peopleFailed(ctx, "remove the data", err)
	}
	s.dropAgreements(ctx, in.Site, w, documents)
	return out, nil
}

func readDocument(field, text string) (id [16]byte, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(id) {
		return id, wrong(field, "expected 32 hexadecimal digits")
	}
	return [16]byte(raw), nil
}
