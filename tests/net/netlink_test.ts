import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Attributes,
  decodeError,
  decodeMessages,
  eachAttribute,
  MalformedMessageError,
  MessageBuilder,
  Netlink,
  NetlinkError,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
} from "../../lib/net/mod.ts";
import { close, SyscallError } from "../../lib/sys/mod.ts";
import { ROOT, testIf } from "../integration/support.ts";
import { inNewNetwork } from "./support.ts";

const IFNAME = 3;

Deno.test("message: what is built is what is read", () => {
  const bytes = new MessageBuilder(RTM_NEWLINK, NLM_F_CREATE)
    .u8(10).u8(0).u16(1).u32(7).pad(8)
    .text(IFNAME, "eth0").attribute8(40, 1).attribute16(41, 0xfffe).attributeBe16(42, 4789)
    .attribute32(43, 0xdeadbeef).attributeBe32(44, 1).attribute64(45, 2n ** 63n).flag(46)
    .nest(47, (inner) => inner.text(1, "a".repeat(500)).nest(2, (deep) => deep.attribute8(1, 9)))
    .finish(77);
  assertEquals(bytes.length % 4, 0);
  const [message, ...more] = decodeMessages(bytes);
  assertEquals(more, []);
  assertEquals(message!.type, RTM_NEWLINK);
  assertEquals(message!.flags, NLM_F_CREATE | 1);
  assertEquals(message!.sequence, 77);
  const found = new Attributes(message!.payload, 16);
  assertEquals(found.text(IFNAME), "eth0");
  assertEquals(found.u8(40), 1);
  assertEquals(found.u16(41), 0xfffe);
  assertEquals(found.be16(42), 4789);
  assertEquals(found.u32(43), 0xdeadbeef);
  assertEquals(found.be32(44), 1);
  assertEquals(found.u64(45), 2n ** 63n);
  assert(found.has(46));
  assertEquals(found.nested(47).text(1)!.length, 500);
  assertEquals(found.nested(47).nested(2).u8(1), 9);
  // What is not there, and what is shorter than it is asked as.
  assertEquals(found.u32(99), undefined);
  assertEquals(found.u32(40), undefined);
  assertEquals(found.u64(43), undefined);
  assertEquals(found.nested(99).text(1), undefined);
});

Deno.test("message: a length that lies is an error", () => {
  const good = new MessageBuilder(RTM_GETLINK).pad(16).text(IFNAME, "eth0").finish(1);
  const withLength = (length: number) => {
    const bad = good.slice();
    new DataView(bad.buffer).setUint32(0, length, true);
    return bad;
  };
  for (const length of [0, 1, 15, good.length + 1, 0xffffffff]) {
    assertThrows(() => decodeMessages(withLength(length)), MalformedMessageError);
  }
  assertThrows(() => decodeMessages(good.slice(0, 10)), MalformedMessageError);
  assertThrows(() => new Attributes(Uint8Array.of(3, 0, 1, 0)), MalformedMessageError);
  assertThrows(() => new Attributes(Uint8Array.of(9, 0, 1, 0, 5)), MalformedMessageError);
  assertThrows(() => new Attributes(new Uint8Array(4), 8), MalformedMessageError);
  assertEquals([...eachAttribute(Uint8Array.of(1, 2, 3))], []);
});

Deno.test("netlink: lists and errors, for whoever asks", () => {
  using netlink = Netlink.open();
  const about = { request: "RTM_GETLINK" };
  const links = netlink.dump(new MessageBuilder(RTM_GETLINK).pad(16), about);
  const names = links.map(({ payload }) => new Attributes(payload, 16).text(IFNAME));
  assert(names.includes("lo"));
  const missing = new MessageBuilder(RTM_GETLINK).pad(16).text(IFNAME, "none-such");
  const error = assertThrows(
    () => netlink.request(missing, { ...about, subject: "none-such", hints: { ENODEV: "look" } }),
    NetlinkError,
    'RTM_GETLINK "none-such": ENODEV (no such device); look',
  ) as NetlinkError;
  assertEquals([error.code, error.request, error.subject], ["ENODEV", "RTM_GETLINK", "none-such"]);
  netlink.close();
  assertEquals(netlink.fd, -1);
  assertThrows(() => netlink.send(new Uint8Array(16)), Error, "closed");
});

Deno.test("netlink: the answer to another question is not taken for this one's", () => {
  using netlink = Netlink.open();
  // Nobody reads the answer of the first.
  netlink.send(new MessageBuilder(RTM_GETLINK).pad(16).text(IFNAME, "lo").finish(0xfffffff0));
  const about = { request: "RTM_GETLINK" };
  const missing = new MessageBuilder(RTM_GETLINK).pad(16).text(IFNAME, "none-such");
  assertThrows(() => netlink.request(missing, about), NetlinkError, "ENODEV");
});

Deno.test("netlink: a socket that is none, and one that was closed behind its back", () => {
  const netlink = Netlink.open();
  close(netlink.fd);
  const error = assertThrows(
    () => netlink.dump(new MessageBuilder(RTM_GETLINK).pad(16), { request: "RTM_GETLINK" }),
    SyscallError,
  ) as SyscallError;
  assertEquals(error.code, "EBADF");
});

testIf(ROOT, "needs root", "netlink: the kernel's own words are in the error", () => {
  inNewNetwork(() => {
    using netlink = Netlink.open();
    const dummy = (name: string) =>
      new MessageBuilder(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL).pad(16).text(IFNAME, name)
        .nest(18, (info) => info.text(1, "bridge"));
    netlink.request(dummy("br0"), { request: "RTM_NEWLINK", subject: "br0" });
    const twice = assertThrows(
      () => netlink.request(dummy("br0"), { request: "RTM_NEWLINK", subject: "br0" }),
      NetlinkError,
      'RTM_NEWLINK "br0": EEXIST (file exists)',
    ) as NetlinkError;
    assertEquals(twice.code, "EEXIST");
    const kind = assertThrows(
      () =>
        netlink.request(
          new MessageBuilder(RTM_NEWLINK, NLM_F_CREATE).pad(16)
            .nest(18, (info) => info.text(1, "no-such-kind")),
          { request: "RTM_NEWLINK" },
        ),
      NetlinkError,
    ) as NetlinkError;
    assertEquals(kind.code, "EOPNOTSUPP");
    assertEquals(kind.detail, "Unknown device type");
    // An attribute that is too short: the kernel says where.
    const short = assertThrows(
      () =>
        netlink.request(new MessageBuilder(RTM_DELLINK).pad(16).attribute8(4, 1), {
          request: "RTM_DELLINK",
        }),
      NetlinkError,
    ) as NetlinkError;
    assert(short.detail !== undefined && short.offset !== undefined, short.message);
  });
});

Deno.test("a refusal that says its request was longer than 2 GiB is read, and explains nothing", () => {
  for (const length of [0x8000_0000, 0x8000_0010, 0xffff_fffc, 0xffff_ffff]) {
    const payload = new Uint8Array(64);
    const view = new DataView(payload.buffer);
    view.setInt32(0, -22, true);
    view.setUint32(4, length, true);
    // NLMSG_ERROR, NLM_F_ACK_TLVS
    const message = { type: 2, flags: 0x200, sequence: 1, payload };
    const read = () => decodeError(message, { request: "RTM_TEST" });
    try {
      assertEquals(read()?.code, "EINVAL");
    } catch (error) {
      assert(error instanceof MalformedMessageError, `${length}: ${error}`);
    }
  }
});
