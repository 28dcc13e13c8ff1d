using Eml.Machine.Wasm;
using Eml.Numerics;
using Xunit.Abstractions;

namespace Eml.Tests.Machine;

/// <summary>Binary modules: what is read, what is refused and how, and that no bytes do anything else.</summary>
public sealed class WasmModuleTests(ITestOutputHelper output)
{
    private static readonly byte[] s_head = [0, (byte)'a', (byte)'s', (byte)'m', 1, 0, 0, 0];

    /// <summary>func (param i32) (result i32): if the parameter is 0 give 1, else 1 + (call 0 (parameter - 1)).</summary>
    private static readonly byte[] s_recursive = Recursive(
        0x20, 0, 0x45, 0x04, 0x7F, 0x41, 1, 0x05, 0x41, 1, 0x20, 0, 0x41, 1, 0x6B, 0x10, 0, 0x6A, 0x0B, 0x0B);

    public static IEnumerable<object[]> Programs() =>
        new[] { "collatz", "crc32", "fib", "gcd", "matmul", "sieve", "sort", "strings" }.Select(name => new object[] { name });

    [Theory]
    [MemberData(nameof(Programs))]
    public void Compiled_programs_are_read(string name)
    {
        string path = Golden.PathOf("wasm", $"programs/{name}.wasm");
        if (!File.Exists(path))
        {
            output.WriteLine($"skipped: {name}.wasm is only in ../shared/golden");
            return;
        }
        WasmModule module = WasmModule.Read(File.ReadAllBytes(path));
        Assert.Contains(module.Exports, export => export is { Name: "run", Kind: WasmKind.Function });
        Assert.All(module.Imports, import => Assert.Equal("env", import.Module));
        foreach (WasmFunction function in module.Functions)
        {
            Assert.Equal(WasmOpcode.End, function.Code[^1].Code);
            Assert.All(function.Code, instruction => Assert.InRange(instruction.Height, 0, function.MaxHeight));
            Assert.All(function.Code.Where(instruction => instruction.Code is WasmOpcode.Br or WasmOpcode.BrIf or WasmOpcode.If),
                instruction => Assert.InRange(instruction.Branch.Target, 0, function.Code.Length));
        }
    }

    [Fact]
    public void Branches_and_heights_are_resolved()
    {
        WasmModule module = WasmModule.Read(s_recursive);
        WasmInstruction[] code = module.Functions[0].Code;
        Assert.Equal("local.get i32.eqz if i32.const else i32.const local.get i32.const i32.sub call i32.add end end",
            string.Join(' ', code.Select(instruction => WasmOpcodes.Integer[(byte)instruction.Code].Name)));
        Assert.Equal([0, 1, 1, 0, 1, 0, 1, 2, 3, 2, 2, 1, 1], code.Select(instruction => instruction.Height));
        Assert.Equal(5, code[2].Branch.Target);
        Assert.Equal(12, code[4].Branch.Target);
    }

    [Fact]
    public void What_is_not_WebAssembly_is_refused_with_its_place()
    {
        Refused([], FormatError.Truncated, "unexpected end");
        Refused([1, 2, 3, 4, 1, 0, 0, 0], FormatError.Value, "magic header not detected");
        Refused([.. s_head.AsSpan(0, 4), 2, 0, 0, 0], FormatError.Value, "unknown binary version");
        Refused([.. s_head, 1, 9, 1], FormatError.Value, "length out of bounds");
        Refused([.. s_head, 3, 2, 1, 0], FormatError.Value, "unknown type 0");
        Refused([.. s_head, 3, 1, 0, 1, 1, 0], FormatError.Value, "unexpected content after last section");
        Refused([.. s_head, 5, 3, 1, 0, 0x80], FormatError.Truncated, "unexpected end");
        Refused([.. s_head, 5, 5, 1, 1, 2, 1, 0], FormatError.Value, "size minimum must not be greater than maximum");
        Refused(Function(0x41, 1, 0x0B), FormatError.Value, "type mismatch");
        Refused(Function(0x6A, 0x0B), FormatError.Value, "type mismatch");
        Refused(Function(0x0C, 1, 0x0B), FormatError.Value, "unknown label 1");
        Refused(Function(0x20, 0, 0x1A, 0x0B), FormatError.Value, "unknown local 0");
        Refused(Function(0x28, 2, 0, 0x1A, 0x0B), FormatError.Value, "unknown memory 0");
        Refused(Function(0x05, 0x0B), FormatError.Value, "END opcode expected");
        Refused(Function(0x27, 0x0B), FormatError.Value, "illegal opcode");
        Refused(Function(0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0x1A, 0x0B), FormatError.Value, "integer representation too long");
        Refused(Function(0x41, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x1A, 0x0B), FormatError.Value, "integer too large");
    }

    [Fact]
    public void Floating_point_and_vectors_are_refused_by_name_function_and_offset()
    {
        Assert.Equal("byte 23, function 0: f32.const is not supported; the machine executes WebAssembly 1.0 with integers and one memory: compile for wasm32 MVP without floating point",
            Unsupported(Function(0x43, 0, 0, 0, 0, 0x1A, 0x0B)));
        Assert.Equal(23UL, Assert.Throws<EmlException>(() => WasmModule.Read(Function(0x43, 0, 0, 0, 0, 0x1A, 0x0B))).ByteOffset);
        Assert.Contains("byte 23, function 0: f64.add", Unsupported(Function(0xA0, 0x0B)), StringComparison.Ordinal);
        Assert.Contains("vector instruction 0xfd 12", Unsupported(Function(0xFD, 12, 0x0B)), StringComparison.Ordinal);
        Assert.Contains("type f64", Unsupported([.. s_head, 1, 5, 1, 0x60, 1, 0x7C, 0]), StringComparison.Ordinal);
    }

    [Fact]
    public void No_bytes_do_more_than_be_refused()
    {
        var random = new Random(5);
        int read = 0;
        for (int i = 0; i < 200_000; i++)
        {
            byte[] bytes = [.. s_recursive];
            for (int flips = random.Next(1, 4); flips > 0; flips--)
            {
                bytes[random.Next(8, bytes.Length)] = (byte)random.Next(256);
            }
            if (random.Next(8) == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }
            try
            {
                WasmModule.Read(bytes);
                read++;
            }
            catch (EmlException e)
            {
                Assert.True(e.Code is ErrorCode.Format or ErrorCode.Unsupported or ErrorCode.Limit, e.Message);
            }
        }
        Assert.InRange(read, 1000, 199_000);
    }

    /// <summary>A module with one exported function [i32] -> [i32] of this body, without more locals.</summary>
    private static byte[] Recursive(params byte[] body) =>
        [.. s_head, 1, 6, 1, 0x60, 1, 0x7F, 1, 0x7F, 3, 2, 1, 0, 7, 5, 1, 1, (byte)'f', 0, 0, 10, (byte)(body.Length + 3), 1, (byte)(body.Length + 1), 0, .. body];

    /// <summary>A module with one function [] -> [] of this body, without locals.</summary>
    private static byte[] Function(params byte[] body) =>
        [.. s_head, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, (byte)(body.Length + 3), 1, (byte)(body.Length + 1), 0, .. body];

    private static void Refused(byte[] bytes, FormatError error, string what)
    {
        EmlException e = Assert.Throws<EmlException>(() => WasmModule.Read(bytes));
        Assert.Equal((ErrorCode.Format, (int)error), (e.Code, e.SubCode));
        Assert.Contains(what, e.Message, StringComparison.Ordinal);
        Assert.Contains($"byte {e.ByteOffset}", e.Message, StringComparison.Ordinal);
    }

    private static string Unsupported(byte[] bytes)
    {
        EmlException e = Assert.Throws<EmlException>(() => WasmModule.Read(bytes));
        Assert.Equal(ErrorCode.Unsupported, e.Code);
        return e.Message;
    }
}
