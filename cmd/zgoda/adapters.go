package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"zgoda/activity"
	"zgoda/console"
	"zgoda/control"
	"zgoda/event"
	"zgoda/gateway"
)

// The console declares what it needs in its own words; these adapters say it in
// the words of the rooms that have it.

type explainer struct{ *gateway.Gateway }

func (e explainer) Explain(ctx context.Context, site event.SiteID, raw []byte) ([]byte, error) {
	text, err := e.Gateway.Explain(ctx, site, raw)
	for _, unreadable := range []error{gateway.ErrRawRequest, gateway.ErrRawRoute, gateway.ErrRawSite, gateway.ErrRawRefused} {
		if errors.Is(err, unreadable) {
			return nil, fmt.Errorf("%w: %w", console.ErrUnreadable, err)
		}
	}
	return text, err
}

type queries struct{ admin, analyst *activity.Store }

func (q queries) Query(ctx context.Context, query console.Query, w io.Writer) error {
	format, err := activity.ParseFormat(query.Format)
	if err != nil {
		return err
	}
	store := q.admin
	if query.Analyst {
		if store = q.analyst; store == nil {
			return errors.New("this ClickHouse is a server of your own: log in there as one of its analysts")
		}
	}
	err = store.Query(ctx, query.Text, w, format)
	var refused *activity.Error
	if errors.As(err, &refused) && refused.Detail() != "" {
		return errors.New(refused.Detail()) // the server's own words, for the person who asked
	}
	return err
}

type tokens struct{ *control.Store }

func (t tokens) CheckToken(ctx context.Context, token string) (console.Token, bool, error) {
	found, ok, err := t.Store.CheckToken(ctx, token)
	return consoleToken(found), ok, err
}

func (t tokens) CreateToken(ctx context.Context, role console.Role, name string) (string, error) {
	return t.Store.CreateToken(ctx, control.Role(role), name)
}

func (t tokens) ListTokens(ctx context.Context) ([]console.Token, error) {
	list, err := t.Store.ListTokens(ctx)
	out := make([]console.Token, len(list))
	for i := range list {
		out[i] = consoleToken(list[i])
	}
	return out, err
}

func consoleToken(t control.Token) console.Token {
	return console.Token{ID: t.ID, Name: t.Name, Role: console.Role(t.Role), Site: t.Site, CreatedAt: t.CreatedAt, Revoked: t.Revoked}
}
