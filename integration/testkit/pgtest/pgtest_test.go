package pgtest

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// Two schemas do not see each other, and what is committed survives a stop.
func TestServer(t *testing.T) {
	ctx := context.Background()
	s := New(t)
	a, b := s.Schema(t), s.Schema(t)
	exec := func(url, query string) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, query)
		return err
	}
	if err := exec(a, "CREATE TABLE t (x INT)"); err != nil {
		t.Fatal(err)
	}
	if err := exec(b, "SELECT * FROM t"); err == nil {
		t.Error("another schema's table is visible")
	}
	s.Stop(t)
	if err := exec(a, "SELECT * FROM t"); err == nil {
		t.Error("a stopped server answered")
	}
	s.Start(t)
	if err := exec(a, "SELECT * FROM t"); err != nil {
		t.Errorf("after the restart: %v", err)
	}
	if err := exec(Shared(t).Schema(t), "SELECT * FROM t"); err == nil {
		t.Error("another server's table is visible")
	}
}
