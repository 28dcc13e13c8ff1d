namespace Eml.Numerics;

/// <summary>a·b + c, rounded once.</summary>
internal interface IFma
{
    static abstract double MultiplyAdd(double a, double b, double c);
}
