package storetest_test

import (
	"testing"

	"github.com/sensocto/sensocto/store/storetest"
)

func newMemory(testing.TB) storetest.Place { return storetest.NewMemory() }

func TestMemory(t *testing.T) { storetest.Run(t, newMemory) }

func TestStore_AgreesWithTheModel(t *testing.T) { storetest.RunModel(t, newMemory) }

func TestStore_WorksWithIt(t *testing.T) { storetest.RunStore(t, newMemory) }
