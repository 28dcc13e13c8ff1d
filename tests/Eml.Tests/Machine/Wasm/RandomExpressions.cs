using Eml.Machine.Wasm;

namespace Eml.Tests.Machine.Wasm;

/// <summary>What leaves a value.</summary>
internal sealed partial class RandomBody
{
    private static readonly WasmOpcode[] s_i32Unary = [WasmOpcode.I32Clz, WasmOpcode.I32Ctz, WasmOpcode.I32Popcnt, WasmOpcode.I32Eqz];
    private static readonly WasmOpcode[] s_i64Unary = [WasmOpcode.I64Clz, WasmOpcode.I64Ctz, WasmOpcode.I64Popcnt];
    private static readonly WasmOpcode[] s_i32Extend = [WasmOpcode.I32Extend8S, WasmOpcode.I32Extend16S];
    private static readonly WasmOpcode[] s_i64Extend = [WasmOpcode.I64Extend8S, WasmOpcode.I64Extend16S, WasmOpcode.I64Extend32S];

    private void Constant(WasmType type, ulong value) => Op(type == WasmType.I32 ? WasmOpcode.I32Const : WasmOpcode.I64Const)
        .Signed(type == WasmType.I32 ? (int)(uint)value : (long)value);

    private void Expression(WasmType type)
    {
        int local = Array.IndexOf(_locals, type, Below(_locals.Length + 1));
        if (_left <= 0 || Below(5) == 0)
        {
            if (local >= 0)
            {
                Op(WasmOpcode.LocalGet).Unsigned((ulong)local);
            }
            else
            {
                Constant(type, _module.Value(type));
            }
            return;
        }
        switch (Below(24))
        {
            case 0 or 1 or 2 or 3 or 4 or 5 or 6 or 7:
                Binary(type);
                break;
            case 8 or 9:
                Unary(type);
                break;
            case 10 or 11:
                Convert(type);
                break;
            case 12 or 13 or 14:
                Load(type);
                break;
            case 15:
                Expression(type);
                Expression(type);
                Expression(WasmType.I32);
                Op(WasmOpcode.Select);
                break;
            case 16 when local >= 0:
                Expression(type);
                Op(WasmOpcode.LocalTee).Unsigned((ulong)local);
                break;
            case 17:
                Global(type);
                break;
            case 18:
                Block(Below(3) == 0 ? WasmOpcode.Loop : WasmOpcode.Block, type);
                break;
            case 19:
                If(type);
                break;
            case 20 when Label(type) is >= 0 and int label:
                Expression(type);
                Expression(WasmType.I32);
                Op(WasmOpcode.BrIf).Unsigned((ulong)label);
                break;
            case 21 when Call(type):
                break;
            case 22 when type == WasmType.I32:
                Memory();
                break;
            case 23 when Below(4) == 0:
                Jump();
                break;
            default:
                Constant(type, _module.Value(type));
                break;
        }
    }

    private void Binary(WasmType type)
    {
        const int DivS = 3;
        const int RemU = 6;
        int operation = Below(15);
        Expression(type);
        Expression(type);
        if (operation == DivS && IsReckless())
        {
            // The lowest value by -1, which has no result.
            Op(WasmOpcode.Drop);
            Op(WasmOpcode.Drop);
            Constant(type, type == WasmType.I32 ? 1UL << 31 : 1UL << 63);
            Constant(type, ulong.MaxValue);
        }
        else if (operation is >= DivS and <= RemU && !IsReckless())
        {
            Constant(type, 1);
            Op(type == WasmType.I32 ? WasmOpcode.I32Or : WasmOpcode.I64Or);
        }
        Op((WasmOpcode)((type == WasmType.I32 ? 0x6A : 0x7C) + operation));
    }

    private void Unary(WasmType type)
    {
        WasmOpcode[] codes = type == WasmType.I32 ? s_i32Unary : s_i64Unary;
        if (_module.IsExtended && Below(2) == 0)
        {
            codes = type == WasmType.I32 ? s_i32Extend : s_i64Extend;
        }
        Expression(type);
        Op(codes[Below(codes.Length)]);
    }

    /// <summary>From the other type, or a comparison.</summary>
    private void Convert(WasmType type)
    {
        if (type == WasmType.I64)
        {
            Expression(WasmType.I32);
            Op(Below(2) == 0 ? WasmOpcode.I64ExtendI32S : WasmOpcode.I64ExtendI32U);
            return;
        }
        switch (Below(5))
        {
            case 0:
                Expression(WasmType.I64);
                Op(WasmOpcode.I32WrapI64);
                break;
            case 1:
                Expression(WasmType.I64);
                Op(WasmOpcode.I64Eqz);
                break;
            default:
                WasmType compared = _module.AnyType();
                Expression(compared);
                Expression(compared);
                Op((WasmOpcode)((compared == WasmType.I32 ? 0x46 : 0x51) + Below(10)));
                break;
        }
    }

    private void Global(WasmType type)
    {
        int[] fitting = [.. Enumerable.Range(0, _module.Globals.Count).Where(i => _module.Globals[i].Type == type)];
        if (fitting.Length == 0)
        {
            Constant(type, _module.Value(type));
        }
        else
        {
            Op(WasmOpcode.GlobalGet).Unsigned((ulong)fitting[Below(fitting.Length)]);
        }
    }

    private void Memory()
    {
        if (Below(2) == 0)
        {
            Op(WasmOpcode.MemorySize).Byte(0);
            return;
        }
        Constant(WasmType.I32, Below(4) == 0 ? _module.Value(WasmType.I32) : (ulong)Below(3));
        Op(WasmOpcode.MemoryGrow).Byte(0);
    }

    private void Load(WasmType type)
    {
        WasmOpcode code = type == WasmType.I32
            ? (WasmOpcode)new[] { 0x28, 0x2C, 0x2D, 0x2E, 0x2F }[Below(5)]
            : (WasmOpcode)new[] { 0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35 }[Below(7)];
        int width = WasmOpcodes.Integer[(byte)code].Width;
        int mostOffset = Address(1 << width);
        Op(code);
        MemoryImmediate(width, mostOffset);
    }
}
