// People: rooms, who is there, and what is for one person alone.

import { expect, test } from "vitest";
import type { Program } from "../../../e2e/program.js";
import { connect, Events, until, world } from "./world.js";

/** Makes an account, and returns its client and id. */
async function signUp(program: Program, name: string) {
  const answer = await fetch(`${program.url}/api/v1/users`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name, email: `${name}@example.org`, password: `a long password of ${name}` }),
  });
  expect(answer.status).toBe(201);
  const token = /sensocto_token=([^;]+)/.exec(answer.headers.get("set-cookie") ?? "")![1]!;
  return { id: ((await answer.json()) as { id: string }).id, client: connect(program.url, token) };
}

test("a room: members, presence, sensors, invitations", async () => {
  const { program } = await world("--registration", "open");
  const ada = await signUp(program, "ada");
  const bob = await signUp(program, "bob");
  const rooms = ada.client.rooms();
  await rooms.loaded();
  const { data: room } = await ada.client.api.POST("/api/v1/rooms", { body: { name: "Lab" } });
  const id = room!.id;
  await until(() => rooms.rooms.get(id)?.name === "Lab");

  const view = ada.client.room(id);
  await until(() => view.members.get(ada.id)?.online === true);
  expect(view.room).toMatchObject({ id, name: "Lab", role: "owner" });

  const inbox = bob.client.inbox(bob.id);
  const notifications = Events.of(inbox, "notification");
  await inbox.next("joined");
  await ada.client.api.POST("/api/v1/rooms/{id}/invitations", { params: { path: { id } }, body: { user_id: bob.id, role: "member" } });
  const notification = await notifications.find(() => true);
  await inbox.markRead(notification.id);
  const { data: list } = await bob.client.api.GET("/api/v1/notifications");
  expect(list!.notifications.find((n) => n.id === notification.id)?.read_at).not.toBeNull();

  const { data: invited } = await bob.client.api.GET("/api/v1/invitations");
  await bob.client.api.POST("/api/v1/invitations/{id}/accept", { params: { path: { id: invited!.invitations[0]!.id } } });
  await until(() => view.members.get(bob.id)?.role === "member" && view.members.get(bob.id)?.online === false);
  const his = bob.client.room(id);
  await until(() => view.members.get(bob.id)?.online === true);
  await his.close();
  await until(() => view.members.get(bob.id)?.online === false);

  const device = ada.client.device({ sensorId: "strap", roomId: id });
  await until(() => view.sensors.get("strap")?.owner_name === "ada");
  await device.close();
  await until(() => !view.sensors.has("strap"));

  const ended = bob.client.room(id);
  await until(() => ended.room !== undefined);
  const end = ended.next("ended");
  await ada.client.api.DELETE("/api/v1/rooms/{id}/members/{user_id}", { params: { path: { id, user_id: bob.id } } });
  await end;
  await until(() => !view.members.has(bob.id));
  await ada.client.api.DELETE("/api/v1/rooms/{id}", { params: { path: { id } } });
  await until(() => !rooms.rooms.has(id));
});

test("a connection ends with its last topic, and the next topic opens another one", async () => {
  const { program } = await world("--registration", "open");
  const { client } = await signUp(program, "ada");
  const states: string[] = [];
  client.onState(({ state }) => states.push(state));
  const rooms = client.rooms();
  await rooms.loaded();
  await rooms.close();
  await until(() => client.state === "closed");
  const again = client.rooms();
  await again.loaded();
  expect(states).toEqual(["connecting", "open", "closed", "connecting", "open"]);
});

test("registration says what may be done without a credential, and nobody is no error", async () => {
  for (const [flags, guests] of [[[], []], [["--guests", "view"], ["view"]]] as const) {
    const { program } = await world(...flags);
    const client = connect(program.url, "");
    const { data } = await client.api.GET("/api/v1/registration");
    expect(data!.guests).toEqual(guests);
    const nobody = await client.api.GET("/api/v1/session");
    expect([nobody.response.status, nobody.data, nobody.error]).toEqual([204, undefined, undefined]);
    const wrong = await connect(program.url, "sno_wrong").api.GET("/api/v1/session");
    expect(wrong.response.status).toBe(401);
  }
});
