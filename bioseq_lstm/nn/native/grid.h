// Products of small matrices that are each used a few times, so not worth to be laid out anew.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "product.h"

// A matrix whose rows are padded to whole vectors, so that a product may write past their ends.
template <class T>
class Grid {
    typedef T Vector __attribute__((vector_size(vector_bytes), aligned(sizeof(T)), may_alias));
    static constexpr int lanes = vector_bytes / sizeof(T);
    static constexpr int width = 2 * lanes;  // with 6 rows, 12 sums stay in registers

    int64_t stride;
    std::vector<T> values;

   public:
    // Element (i, k) of what stands left in a product: values of another grid, or its transpose.
    struct Left {
        const T* data;
        int64_t row, column;
    };
    // Where elements may be other than zero, k being the column on the left.
    enum Shape { FULL, OUT_TO_DIAGONAL, LEFT_TO_DIAGONAL, LEFT_FROM_DIAGONAL };

    Grid(int64_t rows, int64_t columns)
        : stride((columns + width - 1) / width * width), values(rows * stride, T(0)) {}

    T* operator[](int64_t row) { return values.data() + row * stride; }
    Left left() const { return {values.data(), stride, 1}; }
    Left transposed() const { return {values.data(), 1, stride}; }

    // Row i is the `columns` numbers at from(i).
    template <class From>
    void fill(int64_t rows, int64_t columns, From from) {
        for (int64_t i = 0; i < rows; ++i) std::copy_n(from(i), columns, (*this)[i]);
    }

    // Column i is the `rows` numbers at from(i).
    template <class From>
    void fill_transposed(int64_t rows, int64_t columns, From from) {
        constexpr int beside = 8;  // columns that are read side by side
        int64_t i = 0;
        for (; i + beside <= columns; i += beside) {
            const T* side[beside];
            for (int k = 0; k < beside; ++k) side[k] = from(i + k);
            for (int64_t j = 0; j < rows; ++j)
                for (int k = 0; k < beside; ++k) (*this)[j][i + k] = side[k][j];
        }
        for (; i < columns; ++i)
            for (int64_t j = 0; j < rows; ++j) (*this)[j][i] = from(i)[j];
    }

    // This grid's first rows and columns become, or grow by, a (rows x inner) times b.
    void product(
        Shape shape, int64_t rows, int64_t columns, int64_t inner, Left a, Grid& b, bool grow
    ) {
        for (int64_t i = 0; i < rows; i += 6) {
            const int64_t end = std::min(i + 6, rows);
            const int64_t first = shape == LEFT_FROM_DIAGONAL ? i : 0;
            const int64_t last = shape == LEFT_TO_DIAGONAL ? end : inner;
            const int64_t to = shape == OUT_TO_DIAGONAL ? end : columns;
            for (int64_t j = 0; j < to; j += width) {
                const Left from{a.data + i * a.row + first * a.column, a.row, a.column};
                const T* right = b[first] + j;
                T* out = (*this)[i] + j;
                switch (end - i) {
                    case 6: tile<6>(last - first, from, right, b.stride, out, grow); break;
                    case 5: tile<5>(last - first, from, right, b.stride, out, grow); break;
                    case 4: tile<4>(last - first, from, right, b.stride, out, grow); break;
                    case 3: tile<3>(last - first, from, right, b.stride, out, grow); break;
                    case 2: tile<2>(last - first, from, right, b.stride, out, grow); break;
                    default: tile<1>(last - first, from, right, b.stride, out, grow);
                }
            }
        }
    }

   private:
    template <int R>
    void tile(int64_t K, Left a, const T* b, int64_t b_stride, T* out, bool grow) {
        Vector sum[R][2] = {};
        for (int64_t k = 0; k < K; ++k) {
            const Vector* row = reinterpret_cast<const Vector*>(b + k * b_stride);
            for (int r = 0; r < R; ++r)
                for (int j = 0; j < 2; ++j) sum[r][j] += a.data[r * a.row + k * a.column] * row[j];
        }
        for (int r = 0; r < R; ++r) {
            Vector* to = reinterpret_cast<Vector*>(out + r * stride);
            for (int j = 0; j < 2; ++j) to[j] = grow ? to[j] + sum[r][j] : sum[r][j];
        }
    }
};
