using System.Numerics;
using Eml.Machine.Wasm;

namespace Eml.Tests.Machine.Wasm;

/// <summary>The numeric instructions on bits; an i32 is without sign in the low half. Written from the specification alone.</summary>
internal static class PlainNumeric
{
    /// <summary>Number of operands of an instruction without immediate that only computes, or 0.</summary>
    public static int Operands(WasmOpcode code) => (byte)code switch
    {
        0x45 or 0x50 or (>= 0x67 and <= 0x69) or (>= 0x79 and <= 0x7B) or 0xA7 or 0xAC or 0xAD or (>= 0xC0 and <= 0xC4) => 1,
        >= 0x46 and <= 0x8A => 2,
        _ => 0,
    };

    public static ulong Unary(WasmOpcode code, ulong x) => code switch
    {
        WasmOpcode.I32Eqz or WasmOpcode.I64Eqz => x == 0 ? 1UL : 0,
        WasmOpcode.I32Clz => (ulong)BitOperations.LeadingZeroCount((uint)x),
        WasmOpcode.I32Ctz => (ulong)BitOperations.TrailingZeroCount((uint)x),
        WasmOpcode.I32Popcnt or WasmOpcode.I64Popcnt => (ulong)BitOperations.PopCount(x),
        WasmOpcode.I64Clz => (ulong)BitOperations.LeadingZeroCount(x),
        WasmOpcode.I64Ctz => (ulong)BitOperations.TrailingZeroCount(x),
        WasmOpcode.I32WrapI64 => (uint)x,
        WasmOpcode.I64ExtendI32S or WasmOpcode.I64Extend32S => (ulong)(int)x,
        WasmOpcode.I64ExtendI32U => x,
        WasmOpcode.I32Extend8S => (uint)(sbyte)x,
        WasmOpcode.I32Extend16S => (uint)(short)x,
        WasmOpcode.I64Extend8S => (ulong)(sbyte)x,
        WasmOpcode.I64Extend16S => (ulong)(short)x,
        _ => throw new InvalidOperationException($"{code} is not unary"),
    };

    public static ulong Binary(WasmOpcode code, ulong x, ulong y) => (byte)code switch
    {
        <= 0x4F => I32Compare(code, (uint)x, (uint)y) ? 1UL : 0,
        <= 0x5A => I64Compare(code, x, y) ? 1UL : 0,
        <= 0x78 => I32(code, (uint)x, (uint)y),
        _ => I64(code, x, y),
    };

    private static bool I32Compare(WasmOpcode code, uint x, uint y) => code switch
    {
        WasmOpcode.I32Eq => x == y,
        WasmOpcode.I32Ne => x != y,
        WasmOpcode.I32LtS => (int)x < (int)y,
        WasmOpcode.I32LtU => x < y,
        WasmOpcode.I32GtS => (int)x > (int)y,
        WasmOpcode.I32GtU => x > y,
        WasmOpcode.I32LeS => (int)x <= (int)y,
        WasmOpcode.I32LeU => x <= y,
        WasmOpcode.I32GeS => (int)x >= (int)y,
        WasmOpcode.I32GeU => x >= y,
        _ => throw new InvalidOperationException($"{code} is no comparison"),
    };

    private static bool I64Compare(WasmOpcode code, ulong x, ulong y) => code switch
    {
        WasmOpcode.I64Eq => x == y,
        WasmOpcode.I64Ne => x != y,
        WasmOpcode.I64LtS => (long)x < (long)y,
        WasmOpcode.I64LtU => x < y,
        WasmOpcode.I64GtS => (long)x > (long)y,
        WasmOpcode.I64GtU => x > y,
        WasmOpcode.I64LeS => (long)x <= (long)y,
        WasmOpcode.I64LeU => x <= y,
        WasmOpcode.I64GeS => (long)x >= (long)y,
        WasmOpcode.I64GeU => x >= y,
        _ => throw new InvalidOperationException($"{code} is no comparison"),
    };

    private static uint I32(WasmOpcode code, uint x, uint y)
    {
        int shift = (int)(y % 32);
        switch (code)
        {
            case WasmOpcode.I32Add:
                return unchecked(x + y);
            case WasmOpcode.I32Sub:
                return unchecked(x - y);
            case WasmOpcode.I32Mul:
                return unchecked(x * y);
            case WasmOpcode.I32DivS:
                NeedDivisor(y);
                return x == 0x8000_0000 && y == uint.MaxValue ? throw new PlainTrapException("integer overflow") : (uint)((int)x / (int)y);
            case WasmOpcode.I32DivU:
                NeedDivisor(y);
                return x / y;
            case WasmOpcode.I32RemS:
                NeedDivisor(y);
                return y == uint.MaxValue ? 0 : (uint)((int)x % (int)y);
            case WasmOpcode.I32RemU:
                NeedDivisor(y);
                return x % y;
            case WasmOpcode.I32And:
                return x & y;
            case WasmOpcode.I32Or:
                return x | y;
            case WasmOpcode.I32Xor:
                return x ^ y;
            case WasmOpcode.I32Shl:
                return x << shift;
            case WasmOpcode.I32ShrS:
                return (uint)((int)x >> shift);
            case WasmOpcode.I32ShrU:
                return x >> shift;
            case WasmOpcode.I32Rotl:
                return BitOperations.RotateLeft(x, shift);
            case WasmOpcode.I32Rotr:
                return BitOperations.RotateRight(x, shift);
            default:
                throw new InvalidOperationException($"{code} is not binary");
        }
    }

    private static ulong I64(WasmOpcode code, ulong x, ulong y)
    {
        int shift = (int)(y % 64);
        switch (code)
        {
            case WasmOpcode.I64Add:
                return unchecked(x + y);
            case WasmOpcode.I64Sub:
                return unchecked(x - y);
            case WasmOpcode.I64Mul:
                return unchecked(x * y);
            case WasmOpcode.I64DivS:
                NeedDivisor(y);
                return x == 1UL << 63 && y == ulong.MaxValue ? throw new PlainTrapException("integer overflow") : (ulong)((long)x / (long)y);
            case WasmOpcode.I64DivU:
                NeedDivisor(y);
                return x / y;
            case WasmOpcode.I64RemS:
                NeedDivisor(y);
                return y == ulong.MaxValue ? 0 : (ulong)((long)x % (long)y);
            case WasmOpcode.I64RemU:
                NeedDivisor(y);
                return x % y;
            case WasmOpcode.I64And:
                return x & y;
            case WasmOpcode.I64Or:
                return x | y;
            case WasmOpcode.I64Xor:
                return x ^ y;
            case WasmOpcode.I64Shl:
                return x << shift;
            case WasmOpcode.I64ShrS:
                return (ulong)((long)x >> shift);
            case WasmOpcode.I64ShrU:
                return x >> shift;
            case WasmOpcode.I64Rotl:
                return BitOperations.RotateLeft(x, shift);
            case WasmOpcode.I64Rotr:
                return BitOperations.RotateRight(x, shift);
            default:
                throw new InvalidOperationException($"{code} is not binary");
        }
    }

    private static void NeedDivisor(ulong y)
    {
        if (y == 0)
        {
            throw new PlainTrapException("integer divide by zero");
        }
    }
}
