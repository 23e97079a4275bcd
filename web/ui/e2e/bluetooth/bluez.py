"""BlueZ as far as Chromium asks it, on a private system bus: one adapter, and GATT servers that a test describes.

Reads commands from standard input and tells events on standard output, one JSON object a line. Bytes are hexadecimal.

  {"do": "device", "address", "name", "services": [{"uuid", "advertised", "characteristics": [{"uuid", "flags", "value"}]}]}
  {"do": "notify", "address", "uuid", "value"}     the value of a characteristic, to those that subscribed
  {"do": "drop", "address"}                        the connection is lost
  {"do": "reachable", "address", "reachable"}      whether connecting works
  {"do": "delay", "address", "ms"}                 how long connecting takes

  {"event": "ready"}
  {"event": "connected" | "disconnected", "address"}
  {"event": "subscribed" | "unsubscribed" | "written", "address", "uuid", "value"}
"""

import asyncio
import json
import sys

from dbus_fast import BusType, DBusError, Message, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

READ = PropertyAccess.READ
ADAPTER = "/org/bluez/hci0"
# Chromium subscribes to a characteristic only where it sees this descriptor.
CLIENT_CONFIGURATION = "00002902-0000-1000-8000-00805f9b34fb"


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class Objects:
    """What is on the bus. BlueZ announces all objects at "/", and so Chromium listens there."""

    def __init__(self, bus):
        self.bus = bus
        self.exported = set()

    def add(self, path, interface):
        if path not in self.exported:
            self.bus.export(path, interface)
            self.exported.add(path)
        properties = {p.name: Variant(p.signature, p.prop_getter(interface)) for p in ServiceInterface._get_properties(interface)}
        self._signal("InterfacesAdded", "oa{sa{sv}}", [path, {interface.name: properties}])

    def remove(self, path, interface):
        if path in self.exported:
            self.bus.unexport(path, interface)
            self.exported.remove(path)
        self._signal("InterfacesRemoved", "oas", [path, [interface.name]])

    def _signal(self, name, signature, body):
        self.bus.send(Message.new_signal("/", "org.freedesktop.DBus.ObjectManager", name, signature, body))


class AgentManager(ServiceInterface):
    def __init__(self):
        super().__init__("org.bluez.AgentManager1")

    @dbus_method()
    def RegisterAgent(self, agent: "o", capability: "s"):
        pass

    @dbus_method()
    def UnregisterAgent(self, agent: "o"):
        pass

    @dbus_method()
    def RequestDefaultAgent(self, agent: "o"):
        pass


class Adapter(ServiceInterface):
    def __init__(self, found):
        super().__init__("org.bluez.Adapter1")
        self.found = found
        self.discovering = False

    @dbus_property(READ)
    def Address(self) -> "s":
        return "00:11:22:33:44:55"

    @dbus_property(READ)
    def AddressType(self) -> "s":
        return "public"

    @dbus_property(READ)
    def Name(self) -> "s":
        return "simulated"

    @dbus_property()
    def Alias(self) -> "s":
        return "simulated"

    @Alias.setter
    def Alias(self, value: "s"):
        pass

    @dbus_property()
    def Powered(self) -> "b":
        return True

    @Powered.setter
    def Powered(self, value: "b"):
        pass

    @dbus_property(READ)
    def Discovering(self) -> "b":
        return self.discovering

    @dbus_property(READ)
    def UUIDs(self) -> "as":
        return []

    @dbus_method()
    def SetDiscoveryFilter(self, properties: "a{sv}"):
        pass

    @dbus_method()
    def StartDiscovery(self):
        self._discover(True)
        asyncio.get_running_loop().call_later(0.1, self.found)

    @dbus_method()
    def StopDiscovery(self):
        self._discover(False)

    def _discover(self, discovering):
        self.discovering = discovering
        self.emit_properties_changed({"Discovering": discovering})


class Descriptor(ServiceInterface):
    def __init__(self, characteristic):
        super().__init__("org.bluez.GattDescriptor1")
        self.characteristic = characteristic

    @dbus_property(READ)
    def UUID(self) -> "s":
        return CLIENT_CONFIGURATION

    @dbus_property(READ)
    def Characteristic(self) -> "o":
        return self.characteristic

    @dbus_property(READ)
    def Value(self) -> "ay":
        return b"\0\0"


class Characteristic(ServiceInterface):
    def __init__(self, address, service, described):
        super().__init__("org.bluez.GattCharacteristic1")
        self.address, self.service = address, service
        self.uuid, self.flags = described["uuid"], described["flags"]
        self.value = self.readable = bytes.fromhex(described.get("value", ""))
        self.notifying = False

    @dbus_property(READ)
    def UUID(self) -> "s":
        return self.uuid

    @dbus_property(READ)
    def Service(self) -> "o":
        return self.service

    @dbus_property(READ)
    def Value(self) -> "ay":
        return self.value

    @dbus_property(READ)
    def Notifying(self) -> "b":
        return self.notifying

    @dbus_property(READ)
    def Flags(self) -> "as":
        return self.flags

    @dbus_method()
    def ReadValue(self, options: "a{sv}") -> "ay":
        # As in BlueZ; Chromium takes the next change of the value for that of its read.
        self.emit_properties_changed({"Value": self.readable})
        return self.readable

    @dbus_method()
    def WriteValue(self, value: "ay", options: "a{sv}"):
        tell("written", address=self.address, uuid=self.uuid, value=bytes(value).hex())

    @dbus_method()
    def StartNotify(self):
        self.notifying = True
        tell("subscribed", address=self.address, uuid=self.uuid)

    @dbus_method()
    def StopNotify(self):
        self.notifying = False
        tell("unsubscribed", address=self.address, uuid=self.uuid)

    def notify(self, value):
        self.value = value
        if self.notifying:
            self.emit_properties_changed({"Value": value})


class Service(ServiceInterface):
    def __init__(self, device, uuid):
        super().__init__("org.bluez.GattService1")
        self.device, self.uuid = device, uuid

    @dbus_property(READ)
    def UUID(self) -> "s":
        return self.uuid

    @dbus_property(READ)
    def Device(self) -> "o":
        return self.device

    @dbus_property(READ)
    def Primary(self) -> "b":
        return True


class Device(ServiceInterface):
    """A device in reach. Its services are on the bus while it is connected."""

    def __init__(self, objects, described):
        super().__init__("org.bluez.Device1")
        self.objects, self.described = objects, described
        self.address = described["address"]
        self.path = ADAPTER + "/dev_" + self.address.replace(":", "_")
        self.connected, self.reachable, self.delay, self.rssi = False, True, 0, -50
        self.tree, self.characteristics = [], {}
        for i, service in enumerate(described["services"]):
            path = f"{self.path}/service{i + 1:04x}"
            self.tree.append((path, Service(self.path, service["uuid"])))
            for j, c in enumerate(service["characteristics"]):
                characteristic = Characteristic(self.address, path, c)
                self.characteristics[c["uuid"]] = characteristic
                self.tree.append((f"{path}/char{j + 1:04x}", characteristic))
                if "notify" in c["flags"] or "indicate" in c["flags"]:
                    self.tree.append((f"{path}/char{j + 1:04x}/desc0001", Descriptor(f"{path}/char{j + 1:04x}")))

    @dbus_property(READ)
    def Address(self) -> "s":
        return self.address

    @dbus_property(READ)
    def AddressType(self) -> "s":
        return "public"

    @dbus_property(READ)
    def Name(self) -> "s":
        return self.described["name"]

    @dbus_property(READ)
    def Alias(self) -> "s":
        return self.described["name"]

    @dbus_property(READ)
    def Adapter(self) -> "o":
        return ADAPTER

    @dbus_property(READ)
    def Paired(self) -> "b":
        return False

    @dbus_property(READ)
    def Connected(self) -> "b":
        return self.connected

    @dbus_property(READ)
    def ServicesResolved(self) -> "b":
        return self.connected

    @dbus_property(READ)
    def UUIDs(self) -> "as":
        return [s["uuid"] for s in self.described["services"] if s.get("advertised")]

    @dbus_property(READ)
    def RSSI(self) -> "n":
        return self.rssi

    @dbus_method()
    async def Connect(self):
        await asyncio.sleep(self.delay / 1000)
        if not self.reachable:
            raise DBusError("org.bluez.Error.Failed", "le-connection-abort-by-local")
        self.connected = True
        self.emit_properties_changed({"Connected": True})
        for path, interface in self.tree:
            self.objects.add(path, interface)
        self.emit_properties_changed({"ServicesResolved": True})
        tell("connected", address=self.address)

    @dbus_method()
    def Disconnect(self):
        self.drop()

    def hear(self):
        self.rssi = -60 if self.rssi == -50 else -50
        self.emit_properties_changed({"RSSI": self.rssi})

    def drop(self):
        if not self.connected:
            return
        self.connected = False
        for characteristic in self.characteristics.values():
            characteristic.notifying = False
        self.emit_properties_changed({"Connected": False, "ServicesResolved": False})
        for path, interface in reversed(self.tree):
            self.objects.remove(path, interface)
        tell("disconnected", address=self.address)


class Simulator:
    def __init__(self, bus):
        self.objects = Objects(bus)
        self.devices = {}
        bus.export("/org/bluez", AgentManager())
        bus.export(ADAPTER, Adapter(self.found))

    def found(self):
        """Each device advertises: known ones with another strength, as Chromium forgets those that it does not hear."""
        for device in self.devices.values():
            if device.path in self.objects.exported:
                device.hear()
            else:
                self.objects.add(device.path, device)

    def run(self, command):
        if command["do"] == "device":
            device = Device(self.objects, command)
            self.devices[device.address] = device
            return
        device = self.devices[command["address"]]
        if command["do"] == "notify":
            device.characteristics[command["uuid"]].notify(bytes.fromhex(command["value"]))
        elif command["do"] == "drop":
            device.drop()
        elif command["do"] == "reachable":
            device.reachable = command["reachable"]
        elif command["do"] == "delay":
            device.delay = command["ms"]
        else:
            raise ValueError(f"unknown command {command}")


async def main():
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    simulator = Simulator(bus)
    await bus.request_name("org.bluez")
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    tell("ready")
    while line := await commands.readline():
        simulator.run(json.loads(line))


asyncio.run(main())
