package console

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// aboutNobody are the operations that go on while what was restored is held back:
// nothing of a person is read or changed by them.
var aboutNobody = map[string]bool{
	"status": true, "doctor": true, "list-stores": true, "get-retention": true,
	"create-token": true, "list-tokens": true, "revoke-token": true,
	"list-nodes": true, "node-gone": true, "ledger-key": true,
}

// hold answers 503 while erasures since a backup are not all carried out again:
// whoever was erased could be shown, or be there again.
func (s *Server) hold(ctx huma.Context, next func(huma.Context)) {
	if passing := s.deps.Passing; passing == nil || passing() || aboutNobody[ctx.Operation().OperationID] {
		next(ctx)
		return
	}
	ctx.SetHeader("Retry-After", "1")
	sendProblem(ctx, problem(http.StatusServiceUnavailable, "restoring: nothing is served before all erasures since the backup were carried out again"))
}
