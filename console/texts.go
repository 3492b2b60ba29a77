package console

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/event"
)

// Text is what people were shown and told about one version of a purpose.
type Text struct {
	Site       event.SiteID      `json:"site"`
	Purpose    event.PurposeID   `json:"purpose"`
	Version    uint32            `json:"version"`
	Hash       string            `json:"hash" doc:"what entries of the ledger name the words by: SHA-256, hexadecimal"`
	Words      map[string]string `json:"words" doc:"by language"`
	Scope      map[string]string `json:"scope" doc:"what was said beside the words, by key of the configuration"`
	Controller map[string]string `json:"controller" doc:"who asked when the text was first kept"`
	Kept       time.Time         `json:"kept" doc:"since when"`
}

type textsInput struct {
	Site string `query:"site" maxLength:"64" doc:"of this site alone"`
	Hash string `query:"hash" pattern:"^([0-9a-f]{64})?$" doc:"the words of this hash alone"`
}

type textsOutput struct {
	Body struct {
		Texts []Text `json:"texts"`
	}
}

func (s *Server) textRoutes(api huma.API) {
	if s.deps.Ledger == nil {
		return
	}
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "ledger-texts", Method: http.MethodGet, Path: "/ledger/texts",
		Tags: []string{"ledger"}, Summary: "The words that people agreed to or refused",
		Description: "Every text that was ever shown, by site, purpose and version, each checked against its hash. None is about a person.",
	}, everyone), s.texts)
}

func (s *Server) texts(ctx context.Context, in *textsInput) (*textsOutput, error) {
	all, err := s.deps.Ledger.Texts(ctx, event.SiteID(in.Site))
	if err != nil {
		return nil, s.failed(ctx, "read the texts", err)
	}
	out := &textsOutput{}
	out.Body.Texts = []Text{}
	for i := range all {
		if in.Hash == "" || in.Hash == all[i].Hash {
			out.Body.Texts = append(out.Body.Texts, all[i])
		}
	}
	return out, nil
}
