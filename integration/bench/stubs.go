package main

import "context"

func growth(_ context.Context, l *lab) ([]row, error)       { return nil, nil }
func parsing(_ context.Context, l *lab) ([]row, error)      { return nil, nil }
func contextPrice(_ context.Context, l *lab) ([]row, error) { return nil, nil }
func fleet(_ context.Context, l *lab) ([]row, error)        { return nil, nil }
