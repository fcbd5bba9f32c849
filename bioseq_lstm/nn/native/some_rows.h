// A step's work on some rows of a batch alone.
#pragma once

#include "loop.h"

// Product of some rows alone: a closed boundary turns those of the others to zero.
template <class T>
class SomeRows {
    Carry<T> from, to;
    std::vector<int64_t> chosen;

   public:
    SomeRows(int64_t batch, int64_t width) : from(batch, width), to(batch, width), chosen(batch) {}

    // take(r, matrix * x(r)) for each row r of which wanted(r).
    template <class Wanted, class X, class Take>
    void product(Part part, const Matrix<T>& matrix, int64_t K, Wanted wanted, X x, Take take) {
        int64_t end = part.begin;
        for (int64_t r = part.begin; r < part.end; ++r) {
            if (!wanted(r)) continue;
            std::copy_n(x(r), K, from.at(end));
            chosen[end++] = r;
        }
        matrix.product(constant(from.rows(part)), {nullptr, 0}, to.rows(part), end - part.begin);
        for (int64_t i = part.begin; i < end; ++i) take(chosen[i], to.at(i));
    }
};
